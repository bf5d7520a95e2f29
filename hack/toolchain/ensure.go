// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package toolchain builds the third-party programs that tests and the local cluster run, from the Go module proxy, and
// keeps them in a cache outside the checkout, keyed by name and version, so that a machine builds each of them once.
// Each is built in a throw-away module of its own: its dependencies never meet this project's.
package toolchain

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// heartbeat is how often a running build says that it is still running.
const heartbeat = 20 * time.Second

// workPattern names the folders of unfinished builds, which may be removed: hence no name that a user might choose.
const workPattern = ".unfinished-*"

// Ensure builds the named tools that the cache lacks and returns the absolute path of each, by the name it was asked
// for. A name is "consul" or, for another version than the first known, "consul@1.21.5". Progress goes to the writer,
// a line at a time, and only when there is something to build. Builds run one at a time on a machine, whoever asks for
// them; one that fails or is interrupted leaves nothing in the cache that could be taken for a tool.
func Ensure(ctx context.Context, progress io.Writer, names ...string) (map[string]string, error) {
	cache, err := CacheDir()
	if err != nil {
		return nil, err
	}
	b := builder{cache: cache, progress: progress, compile: compile}
	return b.ensure(ctx, names)
}

// builder fills a cache; compile is a field so that tests can build without a compiler.
type builder struct {
	cache    string
	progress io.Writer
	compile  func(ctx context.Context, t tool, work string) (string, error)
}

func (b builder) ensure(ctx context.Context, names []string) (map[string]string, error) {
	tools, err := findAll(names)
	if err != nil {
		return nil, err
	}
	missing, err := b.missing(tools)
	if err != nil {
		return nil, err
	}
	for i, t := range missing {
		if err := b.buildOnce(ctx, t, fmt.Sprintf("toolchain: %d/%d %s", i+1, len(missing), t.key())); err != nil {
			return nil, fmt.Errorf("building %s: %w", t.key(), err)
		}
	}
	paths := make(map[string]string, len(names))
	for _, name := range names {
		t, err := find(name)
		if err != nil {
			return nil, err
		}
		paths[name] = toolPath(b.cache, t)
	}
	return paths, nil
}

func (b builder) missing(tools []tool) ([]tool, error) {
	var missing []tool
	for _, t := range tools {
		built, err := isBuilt(toolPath(b.cache, t))
		if err != nil {
			return nil, err
		}
		if !built {
			missing = append(missing, t)
		}
	}
	return missing, nil
}

// buildOnce builds a tool under the machine's build lock, unless somebody else did so in the meantime.
func (b builder) buildOnce(ctx context.Context, t tool, label string) error {
	release, err := lock(ctx, filepath.Join(b.cache, "build.lock"), func() {
		b.say("%s: waiting for another build to end", label)
	})
	if err != nil {
		return err
	}
	defer release()
	final := toolPath(b.cache, t)
	built, err := isBuilt(final)
	if err != nil || built {
		return err
	}
	b.say("%s: building", label)
	start := time.Now()
	stop := b.beat(label, start)
	defer stop()
	if err := b.buildInto(ctx, t, final); err != nil {
		return err
	}
	b.say("%s: built in %s", label, time.Since(start).Round(time.Second))
	return nil
}

// buildInto compiles in a work folder of its own and moves the finished executable to its place in one step. The caller
// holds the build lock, hence any other work folder that is found is a dead build's and removed.
func (b builder) buildInto(ctx context.Context, t tool, final string) (err error) {
	tools := filepath.Join(b.cache, "tools")
	if err := os.MkdirAll(tools, 0o755); err != nil {
		return fmt.Errorf("making the folder of the tools: %w", err)
	}
	if err := removeUnfinished(tools); err != nil {
		return err
	}
	work, err := os.MkdirTemp(tools, workPattern)
	if err != nil {
		return fmt.Errorf("making the work folder: %w", err)
	}
	defer func() {
		if removeErr := os.RemoveAll(work); removeErr != nil && err == nil {
			err = fmt.Errorf("removing the work folder: %w", removeErr)
		}
	}()
	executable, err := b.compile(ctx, t, work)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(final), 0o755); err != nil {
		return fmt.Errorf("making the tool's folder: %w", err)
	}
	if err := os.Rename(executable, final); err != nil {
		return fmt.Errorf("moving the executable to its place: %w", err)
	}
	return nil
}

func removeUnfinished(tools string) error {
	left, err := filepath.Glob(filepath.Join(tools, workPattern))
	if err != nil {
		return fmt.Errorf("looking for interrupted builds: %w", err)
	}
	for _, dir := range left {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("removing an interrupted build: %w", err)
		}
	}
	return nil
}

// beat says at intervals that a build is still running, until the returned function is called.
func (b builder) beat(label string, start time.Time) (stop func()) {
	ticker := time.NewTicker(heartbeat)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-ticker.C:
				b.say("%s: still building after %s", label, time.Since(start).Round(time.Second))
			case <-done:
				return
			}
		}
	}()
	return func() {
		ticker.Stop()
		close(done)
		<-ended
	}
}

// say writes one progress line. A writer that fails takes nothing from the build, so its error is of no use.
func (b builder) say(format string, args ...any) {
	_, _ = fmt.Fprintf(b.progress, format+"\n", args...)
}
