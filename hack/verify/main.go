// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Command verify runs stages of checks and tests one after the other, shows
// how far they are, and ends with one line that counts the tests.
//
// A stage is "name=command", the command in the shell's words. The output of a
// stage goes to dist/verify/<name>.log; what failed is shown, the rest is not.
// A command whose output is that of go test -json has its tests counted; any
// other counts as one. A stage named with a leading "!" must pass before the
// ones after it make sense: if it fails, nothing more is run. One named with a
// leading "&" runs beside those after it, and is waited for at the end.
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

// ended is a stage that has run.
type ended struct {
	stage
	result tally
	err    error
	took   time.Duration
}

func (e ended) failed() bool { return e.err != nil || e.result.failed > 0 }

func run(ctx context.Context, args []string) bool {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	v := verdict{begin: time.Now()}
	beside := make(chan ended, len(args))
	running := 0
	for i, arg := range args {
		s, err := parseStage(arg)
		if err != nil {
			fmt.Fprintln(os.Stderr, "verify:", err)
			return false
		}
		fmt.Printf("[%d/%d] %-12s %s\n", i+1, len(args), s.name, s.command)
		if s.beside {
			running++
			go func() { beside <- s.timed(ctx) }()
			continue
		}
		e := s.timed(ctx)
		v.add(e)
		if e.failed() && (s.essential || ctx.Err() != nil) {
			stop() // what runs beside it makes no sense either
			break
		}
	}
	for range running {
		v.add(<-beside)
	}
	return v.tell()
}

// timed runs a stage and takes its time.
func (s stage) timed(ctx context.Context) ended {
	from := time.Now()
	result, err := s.run(ctx)
	return ended{s, result, err, time.Since(from)}
}

// verdict sums up what has run.
type verdict struct {
	begin  time.Time
	total  tally
	failed []string
}

func (v *verdict) add(e ended) {
	v.total.add(e.result)
	fmt.Printf("        %-12s %s in %s\n", e.name, e.result, e.took.Round(time.Second))
	if e.failed() {
		v.failed = append(v.failed, e.name)
		e.explain(os.Stdout, e.result, e.err)
	}
}

func (v *verdict) tell() bool {
	if len(v.failed) > 0 {
		fmt.Printf("FAILED: %s (logs in %s)\n", strings.Join(v.failed, ", "), logDir)
	}
	fmt.Printf("took %s\n", time.Since(v.begin).Round(time.Second))
	fmt.Println(v.total)
	return len(v.failed) == 0
}
