// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package dial

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"
)

// by dials through a shell command.
func by(script string) Dialer {
	return through{func(ctx context.Context, host, port string) (command, error) {
		return exec.CommandContext(ctx, "sh", "-c", script, "sh", host, port), nil
	}}
}

func connected(t *testing.T, d Dialer) net.Conn {
	t.Helper()
	c, err := d.DialContext(t.Context(), "tcp", "db-0.db:27017")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestThrough(t *testing.T) {
	c := connected(t, by(`echo "$1 $2"; exec cat`))
	lines := bufio.NewReader(c)
	expect := func(want string) {
		t.Helper()
		if got, err := lines.ReadString('\n'); err != nil || got != want+"\n" {
			t.Fatalf("read %q, %v; want %q", got, err, want)
		}
	}
	expect("db-0.db 27017")
	for _, text := range []string{"one", "two"} {
		if _, err := io.WriteString(c, text+"\n"); err != nil {
			t.Fatal(err)
		}
		expect(text)
	}
}

func TestThroughHasDeadlines(t *testing.T) {
	c := connected(t, by("exec cat"))
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read: %v", err)
	}
}

func TestThroughEndsWithItsCommand(t *testing.T) {
	c := connected(t, by("exit 1"))
	if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("read %d, %v", n, err)
	}
}

func TestTheCommandEndsWithIt(t *testing.T) {
	// The command reads nothing, so that only a signal ends it. The pipe ends with
	// the last process that has it.
	held, ends, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	d := through{func(ctx context.Context, _, _ string) (command, error) {
		cmd := exec.CommandContext(ctx, "sleep", "600")
		cmd.ExtraFiles = []*os.File{ends}
		return cmd, nil
	}}
	c := connected(t, d)
	if err := errors.Join(ends.Close(), c.Close(), held.SetReadDeadline(time.Now().Add(10*time.Second))); err != nil {
		t.Fatal(err)
	}
	if _, err := held.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("it runs on: %v", err)
	}
}

func TestThroughRefuses(t *testing.T) {
	missing := through{func(ctx context.Context, _, _ string) (command, error) {
		return exec.CommandContext(ctx, "/nonexistent/program"), nil
	}}
	if _, err := missing.DialContext(t.Context(), "tcp", "db-0:1"); err == nil {
		t.Error("a command that cannot start connects")
	}
	if _, err := by("exec cat").DialContext(t.Context(), "tcp", "no port"); err == nil {
		t.Error("an address without a port is reached")
	}
}
