// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package hold

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"
)

// childEnv names the directory for a child process, which stands for the
// server's container.
const childEnv = "HOLD_TEST_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		os.Exit(serve(Dir(dir)))
	}
	os.Exit(m.Run())
}

// serve waits as the server's container does and then runs until its input
// ends.
func serve(d Dir) int {
	if err := d.Await(context.Background()); err != nil {
		_, _ = os.Stderr.WriteString(err.Error() + "\n")
		return 1
	}
	_, _ = os.Stdout.WriteString("started\n")
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

type child struct {
	stop    func()
	started chan struct{}
}

func start(t *testing.T, d Dir) *child {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+string(d))
	cmd.Stderr = os.Stderr
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
	c := &child{started: make(chan struct{})}
	c.stop = func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	}
	go func() {
		if line, _ := bufio.NewReader(stdout).ReadString('\n'); line == "started\n" {
			close(c.started)
		}
	}()
	t.Cleanup(c.stop)
	return c
}

func (c *child) mustStart(t *testing.T) {
	t.Helper()
	select {
	case <-c.started:
	case <-time.After(20 * time.Second):
		t.Fatal("the server did not start")
	}
}

func prepared(t *testing.T) Dir {
	t.Helper()
	d := Dir(t.TempDir())
	if err := d.Prepare(); err != nil {
		t.Fatal(err)
	}
	return d
}

func idle(t *testing.T, d Dir) bool {
	t.Helper()
	ok, err := d.Idle()
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

func TestAServerStartsOnlyWhenTheHoldIsLifted(t *testing.T) {
	d := prepared(t)
	if !idle(t, d) {
		t.Error("nothing runs, but it is not idle")
	}
	c := start(t, d)
	select {
	case <-c.started:
		t.Fatal("the server started under the hold")
	case <-time.After(300 * time.Millisecond):
	}
	if err := d.Lift(); err != nil {
		t.Fatal(err)
	}
	c.mustStart(t)
}

func TestARunningServerIsProvenByItsLock(t *testing.T) {
	d := prepared(t)
	if err := d.Lift(); err != nil {
		t.Fatal(err)
	}
	c := start(t, d)
	c.mustStart(t)
	if err := d.Set(); err != nil {
		t.Fatal(err)
	}
	if idle(t, d) {
		t.Error("idle while a server runs")
	}
	if _, ok, err := d.Exclude(); ok || err != nil {
		t.Errorf("got the lock of a running server: %v, %v", ok, err)
	}
	c.stop()
	if !idle(t, d) {
		t.Error("not idle after the server ended")
	}
	again := start(t, d)
	select {
	case <-again.started:
		t.Fatal("the restarted server ran under the hold")
	case <-time.After(300 * time.Millisecond):
	}
}

func TestAnExcludedServerWaitsThoughTheHoldIsLifted(t *testing.T) {
	d := prepared(t)
	release, ok, err := d.Exclude()
	if err != nil || !ok {
		t.Fatalf("exclude: %v, %v", ok, err)
	}
	if err := d.Lift(); err != nil {
		t.Fatal(err)
	}
	c := start(t, d)
	select {
	case <-c.started:
		t.Fatal("the server started while excluded")
	case <-time.After(300 * time.Millisecond):
	}
	release()
	c.mustStart(t)
}

func TestLiftAndPrepareCanBeRepeated(t *testing.T) {
	d := prepared(t)
	for range 2 {
		if err := d.Lift(); err != nil {
			t.Fatal(err)
		}
	}
	if held, err := d.Held(); held || err != nil {
		t.Errorf("held %v, %v", held, err)
	}
	if idle(t, d) {
		t.Error("idle without a hold")
	}
	for range 2 {
		if err := d.Prepare(); err != nil {
			t.Fatal(err)
		}
	}
	if held, err := d.Held(); !held || err != nil {
		t.Errorf("held %v, %v", held, err)
	}
}

func TestAwaitEndsWithItsContext(t *testing.T) {
	d := prepared(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Await(ctx); err == nil {
		t.Error("no error")
	}
	if !idle(t, d) {
		t.Error("the lock was kept")
	}
}
