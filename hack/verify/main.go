// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Command verify runs stages of checks and tests one after the other, shows
// how far they are, and ends with one line that counts the tests.
//
// A stage is "name=command", the command in the shell's words. The output of a
// stage goes to dist/verify/<name>.log; what failed is shown, the rest is not.
// A command whose output is that of go test -json has its tests counted; any
// other counts as one. A stage named with a leading "!" must pass before the
// ones after it make sense: if it fails, nothing more is run.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ok := run(ctx, os.Args[1:])
	stop()
	if !ok {
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) bool {
	var total tally
	var failed []string
	begin := time.Now()
	for i, arg := range args {
		s, err := parseStage(arg)
		if err != nil {
			fmt.Fprintln(os.Stderr, "verify:", err)
			return false
		}
		fmt.Printf("[%d/%d] %-12s %s\n", i+1, len(args), s.name, s.command)
		from := time.Now()
		result, err := s.run(ctx)
		total.add(result)
		fmt.Printf("        %-12s %s in %s\n", s.name, result, time.Since(from).Round(time.Second))
		if err != nil || result.failed > 0 {
			failed = append(failed, s.name)
			s.explain(os.Stdout, result, err)
			if s.essential || ctx.Err() != nil {
				break
			}
		}
	}
	if len(failed) > 0 {
		fmt.Printf("FAILED: %s (logs in %s)\n", strings.Join(failed, ", "), logDir)
	}
	fmt.Printf("took %s\n", time.Since(begin).Round(time.Second))
	fmt.Println(total)
	return len(failed) == 0
}
