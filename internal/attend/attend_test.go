// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package attend

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// pair returns the agent's end, and begins the other one with a script for a tool.
func pair(t *testing.T, script string) *Desk {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	desk, err := Listen(socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = desk.Close() })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	a := &Attendant{Socket: socket, Tool: []string{"/bin/sh", "-c", script, "tool"}, Allowed: []string{"drain", "fail", "last"}, Last: []string{"last", "fail"},
		End: func() error { return os.WriteFile(filepath.Join(filepath.Dir(socket), "ended"), nil, 0o600) }}
	go func() { defer close(done); a.Serve(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return desk
}

// ask asks until somebody is there.
func ask(t *testing.T, d *Desk, arguments ...string) (string, error) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		output, err := d.Ask(t.Context(), arguments...)
		if !errors.Is(err, errNobody) || time.Now().After(deadline) {
			return output, err
		}
		time.Sleep(10 * time.Millisecond) // until it has dialed
	}
}

func TestToolIsCarriedOut(t *testing.T) {
	d := pair(t, `echo "$0 $*"; test "$1" != fail`)
	if output, err := ask(t, d, "drain", "now"); err != nil || output != "tool drain now" {
		t.Errorf("got %q, %v", output, err)
	}
	if output, err := ask(t, d, "fail"); err == nil || !strings.Contains(err.Error(), "tool fail") {
		t.Errorf("got %q, %v", output, err)
	}
}

func TestServerIsEndedAfterTheLastWordAlone(t *testing.T) {
	for word, want := range map[string]bool{"drain": false, "last": true, "fail": false, Stop: true} {
		d := pair(t, `test "$1" != fail`)
		_, err := ask(t, d, word)
		if (err != nil) != (word == "fail") {
			t.Errorf("%s: %v", word, err)
		}
		_, err = os.Stat(filepath.Join(filepath.Dir(d.listener.Addr().String()), "ended"))
		if got := err == nil; got != want {
			t.Errorf("%s: ended is %t, want %t", word, got, want)
		}
	}
}

func TestOtherWordsAreRefused(t *testing.T) {
	trace := filepath.Join(t.TempDir(), "trace")
	d := pair(t, "touch "+trace)
	for _, arguments := range [][]string{{"assassinate"}, {}, {"-h", "other", "drain"}} {
		if _, err := ask(t, d, arguments...); err == nil || !strings.Contains(err.Error(), "refuses") {
			t.Errorf("%v: got %v", arguments, err)
		}
	}
	if _, err := os.Stat(trace); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the tool was run: %v", err)
	}
}

// TestSameRunIsJoined asks twice beside each other, in two connections as an agent does
// that was started again: the tool runs once.
func TestSameRunIsJoined(t *testing.T) {
	dir := t.TempDir()
	a := &Attendant{Tool: []string{"/bin/sh", "-c", "echo x >>" + dir + "/ran; while ! test -e " + dir + "/go; do sleep 0.01; done", "tool"}, Allowed: []string{"drain"}}
	first, second := a.begin(t.Context(), "drain", []string{"drain"}), a.begin(t.Context(), "drain", []string{"drain"})
	if first != second {
		t.Error("a second run was begun")
	}
	if look := (request{Arguments: []string{"drain"}, Look: true}); !a.answer(t.Context(), look).Running {
		t.Error("it is not said to run")
	}
	if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	<-first.ended
	if r := a.answer(t.Context(), request{Arguments: []string{"drain"}}); r.Failed != "" || r.Running {
		t.Errorf("got %+v", r)
	}
	if ran, _ := os.ReadFile(filepath.Join(dir, "ran")); string(ran) != "x\n" {
		t.Errorf("it ran %q", ran)
	}
	if len(a.runs) != 0 {
		t.Error("a run that somebody was told of is kept")
	}
}
