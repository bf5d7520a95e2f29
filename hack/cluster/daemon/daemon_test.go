// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	tail := " S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20"
	for _, name := range []string{"sh", "a b", ") S 1", "((x)"} {
		got, err := parseStat([]byte("42 (" + name + ")" + tail))
		if err != nil || got != (stat{state: 'S', start: 4711}) {
			t.Errorf("program %q: %+v, %v", name, got, err)
		}
	}
	for _, bad := range []string{"", "42 (sh", "42 (sh) S 1 2", "42 (sh)" + strings.ReplaceAll(tail, "4711", "x")} {
		if got, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q is read as %+v", bad, got)
		}
	}
}

func TestCommandLine(t *testing.T) {
	spec := Spec{
		Name: "d", Argv: []string{"prog", "-x"}, Cgroups: []string{"/cg/a", "/cg/b"}, NetNS: "/ns", MountsOf: 7,
	}
	want := []string{
		"sh", "-c", join, "d", "/cg/a", "/cg/b", "--",
		"nsenter", "--net=/ns", "--mount=/proc/7/ns/mnt", "--", "prog", "-x",
	}
	if got := spec.argv(); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	if got := (Spec{Name: "d", Argv: []string{"prog"}}).argv(); !slices.Equal(got, []string{"sh", "-c", join, "d", "--", "prog"}) {
		t.Errorf("without anything to join: %q", got)
	}
}

func TestEnvironmentLosesProxies(t *testing.T) {
	got := environment([]string{"A=1", "HTTPS_PROXY=x", "http_proxy=y", "no_proxy=z", "PROXY_A=2"}, []string{"B=3"})
	if want := []string{"A=1", "PROXY_A=2", "B=3"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// start runs a shell command in the background, which is ended with the test.
func start(t *testing.T, book Book, command string) Record {
	t.Helper()
	record, err := book.Start(Spec{
		Name: "p", Argv: []string{"sh", "-c", command}, Log: filepath.Join(book.Dir, "log", "p.log"),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := record.Stop(context.WithoutCancel(t.Context()), 0); err != nil {
			t.Error(err)
		}
	})
	return record
}

// eventually asks until it is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-deadline:
			t.Fatalf("not within 10 s: %s", what)
		case <-tick.C:
		}
	}
}

func TestAProcessIsFoundUntilItEnds(t *testing.T) {
	book := Book{Dir: t.TempDir()}
	record := start(t, book, "exec sleep 60")
	found, err := book.Find("p")
	if err != nil || found.Identity != record.Identity {
		t.Fatalf("found %+v, %v", found, err)
	}
	if all, err := book.All(); err != nil || len(all) != 1 {
		t.Errorf("all: %+v, %v", all, err)
	}
	if err := record.Stop(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
	if _, err := book.Find("p"); !errors.Is(err, ErrGone) {
		t.Errorf("after its end: %v", err)
	}
	if err := record.Stop(t.Context(), time.Minute); err != nil {
		t.Errorf("stopping it again: %v", err)
	}
}

func TestForceFollowsARequestThatIsIgnored(t *testing.T) {
	book := Book{Dir: t.TempDir()}
	record := start(t, book, `trap "" TERM; echo deaf; while :; do sleep 0.05; done`)
	eventually(t, "the process ignores requests", func() bool {
		text, err := Tail(filepath.Join(book.Dir, "log", "p.log"), 1)
		return err == nil && text == "deaf"
	})
	if err := record.Stop(t.Context(), 100*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if record.Alive() {
		t.Error("it is still there")
	}
}

func TestAnotherProcessOfTheSameNumberIsLeftAlone(t *testing.T) {
	record := start(t, Book{Dir: t.TempDir()}, "exec sleep 60")
	for what, other := range map[string]Identity{
		"another start":        {PID: record.PID, StartTicks: record.StartTicks + 1, BootID: record.BootID},
		"another boot":         {PID: record.PID, StartTicks: record.StartTicks, BootID: "other"},
		"a number nobody has":  {PID: 1 << 29, StartTicks: 1, BootID: record.BootID},
		"this process's owner": {PID: os.Getpid(), StartTicks: record.StartTicks, BootID: record.BootID},
	} {
		if err := other.Stop(t.Context(), time.Second); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if !record.Alive() {
		t.Error("it was ended for another")
	}
}

func TestADamagedRecordIsOfNoProcess(t *testing.T) {
	book := Book{Dir: t.TempDir()}
	if err := os.WriteFile(book.path("p"), []byte(`{"pid": 1`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := book.Find("p"); !errors.Is(err, ErrGone) {
		t.Errorf("got %v", err)
	}
}

func TestAProcessJoinsItsGroupsBeforeItRuns(t *testing.T) {
	group := t.TempDir() // stands for a control group: what joins it writes its number there.
	book := Book{Dir: t.TempDir()}
	record, err := book.Start(Spec{
		Name: "p", Argv: []string{"sh", "-c", "cat " + group + "/cgroup.procs; exec sleep 60"},
		Log: filepath.Join(book.Dir, "p.log"), Cgroups: []string{group},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = record.Stop(t.Context(), 0) }()
	eventually(t, "the process says what is in its group", func() bool {
		text, err := Tail(filepath.Join(book.Dir, "p.log"), 1)
		return err == nil && text == strconv.Itoa(record.PID)
	})
}

func TestAProcessThatCannotJoinDoesNotRun(t *testing.T) {
	book := Book{Dir: t.TempDir()}
	proof := filepath.Join(book.Dir, "ran")
	record, err := book.Start(Spec{
		Name: "p", Argv: []string{"touch", proof}, Log: filepath.Join(book.Dir, "p.log"), Cgroups: []string{"/nowhere/at/all"},
	})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the process ends", func() bool { return !record.Alive() })
	if _, err := os.Stat(proof); err == nil {
		t.Error("it ran all the same")
	}
}

func TestTail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	var long strings.Builder
	for i := range 20000 {
		long.WriteString("line " + strconv.Itoa(i) + "\n")
	}
	if err := os.WriteFile(path, []byte(long.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := Tail(path, 2); err != nil || got != "line 19998\nline 19999" {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := Tail(path+".none", 2); err == nil {
		t.Error("a log that does not exist has an end")
	}
}
