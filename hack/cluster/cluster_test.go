// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quorate/quorate/hack/cluster/layout"
)

var started = time.Date(2026, 1, 2, 3, 4, 5, 600e6, time.UTC)

// readyNode has reported that it is ready, at the given time after its kubelet was started.
func readyNode(after time.Duration, change func(*corev1.Node)) corev1.Node {
	node := corev1.Node{Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{
		{Type: corev1.NodeMemoryPressure, Status: corev1.ConditionFalse},
		{Type: corev1.NodeReady, Status: corev1.ConditionTrue, LastHeartbeatTime: metav1.NewTime(started.Add(after))},
	}}}
	if change != nil {
		change(&node)
	}
	return node
}

func TestNotReady(t *testing.T) {
	taint := func(key string) func(*corev1.Node) {
		return func(n *corev1.Node) { n.Spec.Taints = []corev1.Taint{{Key: key}} }
	}
	for _, test := range []struct {
		what string
		node corev1.Node
		want string // part of the reason; empty for a node that is ready.
	}{
		{"a node that reported", readyNode(2*time.Second, nil), ""},
		{"a report in the second of the start, which the API rounds down", readyNode(-600*time.Millisecond, nil), ""},
		{"a report of an earlier kubelet", readyNode(-time.Minute, nil), "has not reported"},
		{"a node without a report", corev1.Node{}, "has not reported"},
		{"a node that is not ready", readyNode(0, func(n *corev1.Node) {
			n.Status.Conditions[1].Status, n.Status.Conditions[1].Reason = corev1.ConditionFalse, "NoNetwork"
		}), "NoNetwork"},
		{"a node that was not ready a moment ago", readyNode(0, taint(corev1.TaintNodeNotReady)), corev1.TaintNodeNotReady},
		{"a node that was unreachable a moment ago", readyNode(0, taint(corev1.TaintNodeUnreachable)), corev1.TaintNodeUnreachable},
		{"a node with somebody's own taint", readyNode(0, taint("own")), ""},
	} {
		heard, reason := notReady(test.node, started)
		if (test.want == "") != (reason == "") || !strings.Contains(reason, test.want) {
			t.Errorf("%s: %q", test.what, reason)
		}
		if reason == "" && !heard.Equal(test.node.Status.Conditions[1].LastHeartbeatTime.Time) {
			t.Errorf("%s: heard at %s", test.what, heard)
		}
	}
}

func TestStatusIsHealthyOnlyIfNothingIsMissing(t *testing.T) {
	healthy := func() Status {
		return Status{
			APIReady:  true,
			Processes: []ProcessStatus{{Name: etcd, PID: 1}},
			Nodes:     []NodeStatus{{On: true, Connected: true, Ready: corev1.ConditionTrue}},
		}
	}
	if !healthy().Healthy() {
		t.Error("nothing is missing")
	}
	for what, harm := range map[string]func(*Status){
		"the API":     func(s *Status) { s.APIReady = false },
		"a process":   func(s *Status) { s.Processes[0].PID = 0 },
		"power":       func(s *Status) { s.Nodes[0].On = false },
		"the network": func(s *Status) { s.Nodes[0].Connected = false },
		"a node":      func(s *Status) { s.Nodes[0].Ready = corev1.ConditionUnknown },
	} {
		status := healthy()
		harm(&status)
		if status.Healthy() {
			t.Errorf("without %s it is healthy", what)
		}
	}
}

func TestOneAtATimeHoldsTheLock(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "a")
	release, err := lockFolder(t.Context(), folder, nil)
	if err != nil {
		t.Fatal(err)
	}
	waited := 0
	ctx, cancel := context.WithTimeout(t.Context(), 250*time.Millisecond)
	defer cancel()
	if _, err := lockFolder(ctx, folder, func() { waited++ }); !errors.Is(err, context.DeadlineExceeded) || waited != 1 {
		t.Errorf("a second one: %v, told to wait %d times", err, waited)
	}
	release()
	again, err := lockFolder(t.Context(), folder, nil)
	if err != nil {
		t.Fatal(err)
	}
	again()
}

// Who waited for the lock of a folder that its holder removed must not take the lock of the removed one for it.
func TestALockOutlivesNotItsFolder(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "a")
	release, err := lockFolder(t.Context(), folder, nil)
	if err != nil {
		t.Fatal(err)
	}
	old, err := os.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = old.Close() }()
	if err := os.Remove(folder); err != nil {
		t.Fatal(err)
	}
	release()
	if err := lockSame(old, folder); err == nil {
		t.Error("a folder that was removed could be locked")
	}
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := lockSame(old, folder); err == nil {
		t.Error("a folder that was replaced could be locked")
	}
}

func TestWriteFileLeavesEqualFilesAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b")
	if err := writeFile(path, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(path)
	if err != nil || before.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", before, err)
	}
	if err := writeFile(path, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(path); err != nil || !os.SameFile(before, after) {
		t.Errorf("the same content was written again: %v", err)
	}
	if err := writeFile(path, []byte("two"), 0o600); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "two" {
		t.Errorf("%q, %v", text, err)
	}
}

func TestEmptyFolderKeepsTheFolder(t *testing.T) {
	folder := t.TempDir()
	if err := writeFile(filepath.Join(folder, "a", "b"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := emptyFolder(folder); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 0 {
		t.Errorf("%v, %v", entries, err)
	}
	if err := emptyFolder(filepath.Join(folder, "none")); err != nil {
		t.Error(err)
	}
}

func TestAClusterThatIsNotThere(t *testing.T) {
	if _, err := Open("surely-not-there", io.Discard); !errors.Is(err, ErrNone) {
		t.Errorf("got %v", err)
	}
	for _, name := range []string{"..", "a/b", "A"} {
		if _, err := Open(name, io.Discard); err == nil || errors.Is(err, ErrNone) {
			t.Errorf("%q: %v", name, err)
		}
		if err := Down(t.Context(), name, io.Discard); err == nil {
			t.Errorf("%q was removed", name)
		}
	}
}

func TestErrorsEndWithTheLogOfTheProcessThatEnded(t *testing.T) {
	c := &Cluster{Cluster: layout.Cluster{Name: "surely-not-there"}}
	gone := c.book()
	record, err := gone.Find("etcd")
	if err == nil {
		t.Fatal("there is an etcd")
	}
	record.Name = "etcd"
	err = c.await(t.Context(), "etcd", func(context.Context) error { return errors.New("refused") }, record)
	if err == nil || !strings.Contains(err.Error(), "process etcd has ended") || !strings.Contains(err.Error(), "refused") {
		t.Errorf("got %v", err)
	}
}

func TestRaiseRecordsWhatWasThereFirst(t *testing.T) {
	setting := filepath.Join(t.TempDir(), "limit")
	record := filepath.Join(t.TempDir(), "record")
	for _, step := range []struct {
		wanted       int
		value, saved string
	}{
		{100, "128\n", ""}, // high enough.
		{256, "256", "128"},
		{512, "512", "128"},
	} {
		if step.value == "128\n" {
			if err := os.WriteFile(setting, []byte(step.value), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := raise(record, setting, step.wanted); err != nil {
			t.Fatal(err)
		}
		before := make(map[string]string)
		if err := readRecord(record, &before); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(setting)
		if err != nil || string(text) != step.value || before[setting] != step.saved {
			t.Errorf("wanted %d: value %q (%v), recorded %q", step.wanted, text, err, before[setting])
		}
	}
}

func TestAwaitEndsWithTheContext(t *testing.T) {
	c := &Cluster{Cluster: layout.Cluster{Name: "surely-not-there"}}
	ctx, cancel := context.WithTimeout(t.Context(), 120*time.Millisecond)
	defer cancel()
	asked := 0
	err := c.await(ctx, "it", func(context.Context) error { asked++; return errors.New("not yet") })
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "not yet") || asked < 2 {
		t.Errorf("after %d questions: %v", asked, err)
	}
}
