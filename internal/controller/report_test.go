// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"errors"
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/quorate/quorate/api/v1alpha1"
)

func TestEventType(t *testing.T) {
	const normal, warning, none = corev1.EventTypeNormal, corev1.EventTypeWarning, ""
	for _, c := range []struct {
		condition   string
		before, now metav1.ConditionStatus // empty for none before
		want        string
	}{
		{v1alpha1.ConditionReady, "", isTrue, normal},
		{v1alpha1.ConditionReady, "", isFalse, none},
		{v1alpha1.ConditionReady, isFalse, isTrue, normal},
		{v1alpha1.ConditionReady, isTrue, isFalse, warning},
		{v1alpha1.ConditionReady, isTrue, isUnknown, warning},
		{v1alpha1.ConditionReady, isFalse, isUnknown, none},
		{v1alpha1.ConditionReady, isTrue, isTrue, none},
		{v1alpha1.ConditionFormed, isFalse, isTrue, normal},
		{v1alpha1.ConditionFormed, isUnknown, isFalse, none},
		{v1alpha1.ConditionDegraded, isFalse, isTrue, warning},
		{v1alpha1.ConditionDegraded, isTrue, isFalse, normal},
		{v1alpha1.ConditionDegraded, isUnknown, isFalse, none},
		{v1alpha1.ConditionStalled, "", isFalse, none},
		{v1alpha1.ConditionStalled, isFalse, isTrue, warning},
		{v1alpha1.ConditionStalled, isTrue, isFalse, normal},
		{v1alpha1.ConditionReconciling, isFalse, isTrue, none},
		{v1alpha1.ConditionReconciling, isTrue, isFalse, none},
	} {
		var before *metav1.Condition
		if c.before != "" {
			before = &metav1.Condition{Type: c.condition, Status: c.before}
		}
		kind, worth := eventType(before, metav1.Condition{Type: c.condition, Status: c.now})
		if kind != c.want || worth != (c.want != none) {
			t.Errorf("%s from %q to %s: %q, %v; want %q", c.condition, c.before, c.now, kind, worth, c.want)
		}
	}
}

var claims = schema.GroupResource{Resource: "configmaps"}

// Of some ends nothing is said, and of a lost race no error is made.
func TestEndsOfAPass(t *testing.T) {
	terminating := apierrors.NewForbidden(claims, "db-config", errors.New("the namespace is being terminated"))
	terminating.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}
	for name, c := range map[string]struct {
		cause  error
		silent bool
		after  time.Duration
		raced  bool
	}{
		"none":                  {nil, false, 0, false},
		"gone":                  {fmt.Errorf("a: %w", errGone), true, 0, false},
		"with its namespace":    {fmt.Errorf("create: %w", terminating), true, 0, false},
		"changed meanwhile":     {errOutdated, true, raceAgain, false},
		"another manager":       {errSuperseded, true, supersededFor, false},
		"conflict":              {fmt.Errorf("update: %w", apierrors.NewConflict(claims, "db-ledger", errors.New("x"))), false, 0, true},
		"made by somebody else": {fmt.Errorf("create: %w", apierrors.NewAlreadyExists(claims, "db-ledger")), false, 0, true},
		"a former one's":        {fmt.Errorf("ensure: %w", &formerError{what: "Service db", why: "it goes"}), false, 0, true},
		"forbidden":             {apierrors.NewForbidden(claims, "db-ledger", errors.New("x")), false, 0, false},
		"anything else":         {errors.New("connection refused"), false, 0, false},
	} {
		result, quiet := silent(c.cause)
		if quiet != c.silent || result.RequeueAfter != c.after {
			t.Errorf("%s: silent %v, again after %s", name, quiet, result.RequeueAfter)
		}
		p := &pass{findings: &findings{}}
		if got := p.raced(c.cause); got != c.raced {
			t.Errorf("%s: raced %v", name, got)
		}
		if waits := p.findings.waiting != ""; waits != (name == "a former one's") {
			t.Errorf("%s: waiting %q", name, p.findings.waiting)
		}
	}
}

// At rest it is looked again seldom; on the way soon, though no progress hangs
// on it.
func TestAgain(t *testing.T) {
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	settings := Settings{Resync: time.Hour}
	for name, c := range map[string]struct {
		findings *findings
		raced    bool
		snapshot snapshot
		want     time.Duration
	}{
		"at rest":           {serving(3), false, snapshot{}, time.Hour},
		"at rest, one mute": {serving(3), false, snapshot{stranded: map[string]string{"db-1": ""}}, lookAgain},
		"paused":            {forming(3).with(paused), false, snapshot{}, time.Hour},
		"forming":           {forming(3), false, snapshot{}, watchdog},
		"stalled":           {serving(3).with(blocked), false, snapshot{}, watchdog},
		"raced":             {serving(3), true, snapshot{}, raceAgain},
		"raced on":          {forming(3), true, snapshot{}, raceAgain},
		"at rest, and the first of two has a minute to burn in": {serving(3), false, snapshot{
			pods: map[string]*corev1.Pod{"db-0": runningSince(began), "db-1": runningSince(began.Add(time.Minute))},
			now:  began.Add(9 * time.Minute), burnIn: 10 * time.Minute,
		}, time.Minute},
		"at rest, and the second of two has a minute to burn in": {serving(3), false, snapshot{
			pods: map[string]*corev1.Pod{"db-0": runningSince(began), "db-1": runningSince(began.Add(time.Minute))},
			now:  began.Add(10 * time.Minute), burnIn: 10 * time.Minute,
		}, time.Minute},
		"at rest, and all have burned in": {serving(3), false, snapshot{
			pods: map[string]*corev1.Pod{"db-0": runningSince(began)}, now: began.Add(10 * time.Minute), burnIn: 10 * time.Minute,
		}, time.Hour},
		"at rest, with longer to burn in than it rests": {serving(3), false, snapshot{
			pods: map[string]*corev1.Pod{"db-0": runningSince(began)}, now: began, burnIn: 2 * time.Hour,
		}, time.Hour},
	} {
		p := &pass{Reconciler: &Reconciler{Settings: settings}, findings: c.findings, snapshot: &c.snapshot}
		if got := p.again(c.raced); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	p := &pass{Reconciler: &Reconciler{Settings: settings}, findings: serving(3), snapshot: &snapshot{}, keeping: &keeping{refers: true}}
	if got := p.again(false); got != lookAgain {
		t.Errorf("where a password is in a Secret of the user's: %s", got)
	}
}

// Detail on the way is written together; what turns is written at once.
func TestMayWait(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	f := serving(3)
	f.datastore.Status = statusOf(f, onNodes(f))
	p := &pass{
		Reconciler: &Reconciler{Settings: Settings{StatusEvery: 2 * time.Second}, Now: func() time.Time { return now }, tenure: newTenure()},
		d:          f.datastore, findings: f,
	}
	detail := f.datastore.Status.DeepCopy()
	detail.ReadyReplicas--
	if d := p.mayWait(detail); d != 2*time.Second {
		t.Errorf("new detail waits %s", d)
	}
	now = now.Add(500 * time.Millisecond)
	if d := p.mayWait(detail); d != 1500*time.Millisecond {
		t.Errorf("detail that was seen before waits %s", d)
	}
	turned := detail.DeepCopy()
	turned.Conditions[0].Status = isUnknown
	if d := p.mayWait(turned); d > 0 {
		t.Errorf("a condition that turned waits %s", d)
	}
	now = now.Add(2 * time.Second)
	if d := p.mayWait(detail); d > 0 {
		t.Errorf("detail that has lasted waits %s", d)
	}
	p.agrees(p.d.UID)
	if d := p.mayWait(detail); d != 2*time.Second {
		t.Errorf("detail that had passed meanwhile waits %s", d)
	}
}
