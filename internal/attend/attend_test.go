// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package attend

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
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
		output, err := d.Ask(t.Context(), "", arguments...)
		if !errors.Is(err, ErrNobody) || time.Now().After(deadline) {
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

// gated returns an attendant whose tool notes that it ran and waits for a file of the name
// of its second argument.
func gated(t *testing.T) (a *Attendant, open func(name string), ran func() string) {
	dir := t.TempDir()
	a = &Attendant{Tool: []string{"/bin/sh", "-c", `echo "$1" >>` + dir + `/ran; while ! test -e ` + dir + `/"$2"; do sleep 0.01; done`, "tool"}, Allowed: []string{"cleanup"}}
	open = func(name string) {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return a, open, func() string {
		text, _ := os.ReadFile(filepath.Join(dir, "ran"))
		return strings.Join(strings.Fields(string(text)), " ")
	}
}

// TestSameRunIsJoined asks twice beside each other, in two connections as an agent does
// that was started again: the tool runs once.
func TestSameRunIsJoined(t *testing.T) {
	a, open, ran := gated(t)
	q := request{Purpose: "one", Arguments: []string{"cleanup", "go"}}
	first, second := a.begin(t.Context(), q), a.begin(t.Context(), q)
	if first != second {
		t.Error("a second run was begun")
	}
	if look := (request{Arguments: []string{"cleanup"}, Look: true}); !a.answer(t.Context(), look).Running {
		t.Error("it is not said to run")
	}
	open("go")
	<-first.ended
	if r := a.answer(t.Context(), q); r.Failed != "" || r.Running {
		t.Errorf("got %+v", r)
	}
	if ran() != "cleanup" || len(a.runs) != 0 {
		t.Errorf("it ran %q, and %d are kept", ran(), len(a.runs))
	}
}

// TestAnotherPurposeIsAnotherRun asks for the same tool after a run that nobody was told of,
// and beside one: an earlier run is no answer.
func TestAnotherPurposeIsAnotherRun(t *testing.T) {
	a, open, ran := gated(t)
	one := request{Purpose: "one", Arguments: []string{"cleanup", "go"}}
	other := request{Purpose: "other", Arguments: one.Arguments}
	r := a.begin(t.Context(), one)
	if a.begin(t.Context(), other) != r {
		t.Error("the tool runs twice at once")
	}
	open("go")
	<-r.ended
	if r := a.answer(t.Context(), other); r.Failed != "" || r.Running {
		t.Errorf("got %+v", r)
	}
	if ran() != "cleanup cleanup" {
		t.Errorf("it ran %q", ran())
	}
	if a.answer(t.Context(), one); ran() != "cleanup cleanup" {
		t.Errorf("what had ended was done again: %q", ran())
	}
}

// TestRunsAreForgotten has runs that nobody asks about go, the oldest first.
func TestRunsAreForgotten(t *testing.T) {
	a, open, ran := gated(t)
	now := time.Now()
	a.now = func() time.Time { return now }
	open("go")
	purpose := func(i int) request {
		return request{Purpose: strings.Repeat("x", i), Arguments: []string{"cleanup", "go"}}
	}
	for i := range 3 * maxKept {
		<-a.begin(t.Context(), purpose(i)).ended
	}
	if n := len(a.runs); n > maxKept+1 {
		t.Errorf("%d runs are kept", n)
	}
	if first := purpose(0); a.begin(t.Context(), first) == nil || slices.ContainsFunc(a.runs[:maxKept], func(r *run) bool { return r.Purpose == first.Purpose }) {
		t.Error("the oldest was kept")
	}
	before := len(strings.Fields(ran()))
	now = now.Add(keptFor + time.Second)
	last := purpose(3*maxKept - 1)
	<-a.begin(t.Context(), last).ended
	if after := len(strings.Fields(ran())); after <= before {
		t.Errorf("a run of long ago is told of: %d after %d", after, before)
	}
}
