// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Command generate writes everything in the checkout that is generated: deepcopy functions, apply configurations, the
// CustomResourceDefinition (also in the chart) and the role of the manager. With --check it writes nothing, and fails
// naming each file that is not current.
//
// Everything is generated in a copy of the sources, so that both modes do exactly the same and a run that fails leaves
// the checkout as it was.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/quorate/quorate/hack/toolchain"
)

func main() {
	check := flag.Bool("check", false, "write nothing, and fail if anything is not current")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *check)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, check bool) error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	tools, err := toolchain.Ensure(ctx, os.Stderr, "controller-gen")
	if err != nil {
		return fmt.Errorf("getting controller-gen: %w", err)
	}
	wanted, err := generate(ctx, tools["controller-gen"], root)
	if err != nil {
		return err
	}
	changes, err := compare(root, wanted)
	if err != nil {
		return err
	}
	if check {
		return stale(changes)
	}
	for _, c := range changes {
		if err := c.apply(root); err != nil {
			return err
		}
		fmt.Println(c)
	}
	return nil
}

// stale is an error that names every file that is not current, or nil.
func stale(changes []change) error {
	if len(changes) == 0 {
		return nil
	}
	problems := make([]error, 0, len(changes)+1)
	problems = append(problems, errors.New("generated files are not current; run `make generate`"))
	for _, c := range changes {
		problems = append(problems, errors.New("  "+c.String()))
	}
	return errors.Join(problems...)
}

// moduleRoot is the folder of go.mod, at or above the working folder.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the working folder: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod here or above: run this in the checkout")
		}
		dir = parent
	}
}
