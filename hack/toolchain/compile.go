// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package toolchain

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// compile builds one tool in an empty folder and returns the path of the executable, somewhere below that folder.
func compile(ctx context.Context, t tool, work string) (string, error) {
	out := filepath.Join(work, "bin")
	if err := os.Mkdir(out, 0o755); err != nil {
		return "", fmt.Errorf("making the output folder: %w", err)
	}
	flags := []string{"-trimpath", "-buildvcs=false", "-ldflags", linkerFlags(t)}
	if t.install {
		args := append([]string{"install"}, flags...)
		_, err := runGo(ctx, work, []string{"GOBIN=" + out}, append(args, t.importPath()+"@"+t.version)...)
		return filepath.Join(out, t.name), err
	}
	if err := writeScratchModule(ctx, t, work); err != nil {
		return "", err
	}
	executable := filepath.Join(out, t.name)
	args := append([]string{"build"}, flags...)
	_, err := runGo(ctx, work, nil, append(args, "-o", executable, t.importPath())...)
	return executable, err
}

// linkerFlags strips symbols and debug data, which nobody needs in a cache, and stamps the version.
func linkerFlags(t tool) string {
	var b strings.Builder
	b.WriteString("-s -w")
	for _, stamp := range t.stamps {
		b.WriteString(" -X " + stamp)
	}
	return b.String()
}

// writeScratchModule downloads the tool's module and writes go.mod and go.sum for building it. Checksums that upstream
// does not list are added by the go command, which verifies them as usual.
func writeScratchModule(ctx context.Context, t tool, work string) error {
	output, err := runGo(ctx, work, nil, "mod", "download", "-json", t.module+"@"+t.version)
	if err != nil {
		return err
	}
	var module struct{ GoMod, Dir string }
	if err := json.Unmarshal(output, &module); err != nil {
		return fmt.Errorf("reading what was downloaded of %s: %w", t.module, err)
	}
	upstream, err := os.ReadFile(module.GoMod)
	if err != nil {
		return fmt.Errorf("reading the go.mod of %s: %w", t.module, err)
	}
	scratch, err := scratchModule(upstream, t)
	if err != nil {
		return err
	}
	sums, err := os.ReadFile(filepath.Join(module.Dir, "go.sum"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading the go.sum of %s: %w", t.module, err)
	}
	if err := os.WriteFile(filepath.Join(work, "go.mod"), scratch, 0o644); err != nil {
		return fmt.Errorf("writing the scratch go.mod of %s: %w", t.module, err)
	}
	if err := os.WriteFile(filepath.Join(work, "go.sum"), sums, 0o644); err != nil {
		return fmt.Errorf("writing the scratch go.sum of %s: %w", t.module, err)
	}
	return nil
}

// runGo runs the go command in dir and returns its standard output. The environment decides proxy, checksum database
// and caches as for any other build; only what would change the result is fixed. When ctx ends, the command and
// everything that it started are killed.
func runGo(ctx context.Context, dir string, env []string, args ...string) ([]byte, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod", "CGO_ENABLED=0", "GOOS=", "GOARCH=")
	cmd.Env = append(cmd.Env, env...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Run(); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return nil, fmt.Errorf("running go %s: %w\n%s", args[0], err, lastLines(stderr.String()+stdout.String(), 30))
	}
	return stdout.Bytes(), nil
}

// lastLines keeps the end of a long output, where the go command says what failed.
func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
