// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package launch

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/agent/hold"
)

// The test's binary stands for the server's container under dirEnv, and for
// the server itself under serverEnv.
const (
	dirEnv    = "LAUNCH_TEST_DIR"
	serverEnv = "LAUNCH_TEST_SERVER"
)

func TestMain(m *testing.M) {
	if os.Getenv(serverEnv) != "" {
		fmt.Println("serving as", os.Getpid(), os.Args[1])
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
	if dir := os.Getenv(dirEnv); dir != "" {
		err := Server(context.Background(), dir, []string{os.Args[0], "--flag"}, []string{serverEnv + "=1"})
		fmt.Println(err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func TestTheServerTakesTheProcessOver(t *testing.T) {
	dir := hold.Dir(t.TempDir())
	if err := dir.Prepare(); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = []string{dirEnv + "=" + string(dir)}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make(chan string, 1)
	go func() {
		text, _ := bufio.NewReader(stdout).ReadString('\n')
		line <- text
	}()
	select {
	case text := <-line:
		t.Fatalf("under the hold: %q", text)
	case <-time.After(300 * time.Millisecond):
	}
	if err := dir.Lift(); err != nil {
		t.Fatal(err)
	}
	select {
	case text := <-line:
		if want := fmt.Sprintf("serving as %d --flag\n", cmd.Process.Pid); text != want {
			t.Fatalf("got %q, want %q", text, want)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the server did not start")
	}
	// The lock went over to the server with the process.
	if _, ok, err := dir.Exclude(); ok || err != nil {
		t.Errorf("excluded a running server: %v, %v", ok, err)
	}
	_ = stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	release, ok, err := dir.Exclude()
	if err != nil || !ok {
		t.Fatalf("the server ended and its lock is still held: %v", err)
	}
	release()
}

func TestServerRefuses(t *testing.T) {
	dir := t.TempDir()
	if err := Server(t.Context(), dir, nil, nil); err == nil {
		t.Error("no command: no error")
	}
	if err := Server(t.Context(), dir, []string{"there-is-no-such-program"}, nil); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("a program that is not there: %v", err)
	}
	if err := Server(t.Context(), dir, []string{os.Args[0]}, nil); err == nil {
		t.Error("a directory that init has not prepared: no error")
	}
}

func TestTheWaitEndsThoughTheLockIsHeld(t *testing.T) {
	dir := hold.Dir(t.TempDir())
	if err := dir.Prepare(); err != nil {
		t.Fatal(err)
	}
	release, ok, err := dir.Exclude()
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	defer release()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := Server(ctx, string(dir), []string{os.Args[0]}, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}
