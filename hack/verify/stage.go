// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// logDir holds one log a stage.
var logDir = filepath.Join("dist", "verify")

// stage is one command to run.
type stage struct {
	name, command string
	// essential stages end the run when they fail.
	essential bool
	// beside has those after it not wait for a stage.
	beside bool
}

func parseStage(arg string) (stage, error) {
	name, command, ok := strings.Cut(arg, "=")
	if !ok || name == "" || command == "" {
		return stage{}, fmt.Errorf("%q is not name=command", arg)
	}
	name, essential := strings.CutPrefix(name, "!")
	name, beside := strings.CutPrefix(name, "&")
	return stage{name: name, command: command, essential: essential, beside: beside}, nil
}

func (s stage) log() string { return filepath.Join(logDir, s.name+".log") }

// run runs the command and counts. An interrupted command gets time to clean
// up before it is killed.
func (s stage) run(ctx context.Context) (tally, error) {
	if err := os.MkdirAll(logDir, 0o755); err != nil {
		return tally{failed: 1}, fmt.Errorf("make the folder for logs: %w", err)
	}
	log, err := os.Create(s.log())
	if err != nil {
		return tally{failed: 1}, fmt.Errorf("open the log of %s: %w", s.name, err)
	}
	reader, writer := io.Pipe()
	counted := make(chan tally)
	go func() { counted <- count(reader, log) }()
	cmd := exec.CommandContext(ctx, "sh", "-c", s.command)
	cmd.Stdout, cmd.Stderr = writer, writer
	// What the command started must end with it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = time.Minute
	runErr := cmd.Run()
	t := errors.Join(writer.Close())
	result := <-counted
	if t = errors.Join(t, log.Close()); t != nil {
		return result, fmt.Errorf("keep the log of %s: %w", s.name, t)
	}
	if result.passed+result.failed+result.skipped == 0 {
		result.passed = 1
		if runErr != nil {
			result = tally{failed: 1}
		}
	}
	if runErr != nil {
		result.failed = max(result.failed, 1)
		return result, fmt.Errorf("%s: %w", s.name, runErr)
	}
	return result, nil
}

// explain shows what a person needs of a failed stage: what the failed tests
// said, or the end of the log.
func (s stage) explain(w io.Writer, t tally, cause error) {
	_, _ = fmt.Fprintln(w, "        ", cause)
	text := t.said
	if text == "" {
		if b, err := os.ReadFile(s.log()); err == nil {
			text = lastLines(b, 60)
		}
	}
	_, _ = fmt.Fprintln(w, text)
}

func lastLines(b []byte, n int) string {
	var lines []string
	for sc := bufio.NewScanner(bytes.NewReader(b)); sc.Scan(); {
		lines = append(lines, sc.Text())
	}
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return strings.Join(lines, "\n")
}
