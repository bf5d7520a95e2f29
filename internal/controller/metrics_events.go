// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The verbs of events about actions; their reason is the kind of the action.
const (
	verbBegin = "Begin"
	verbEnd   = "End"
	verbFail  = "Fail"
	verbDrop  = "Drop"
)

// mostNote bounds the note of an event; the API server takes 1024 bytes.
const mostNote = 900

// account puts what a pass found and did into the metrics, and records an event
// for every action that it has begun or seen the end of. Of the ends of a pass
// of which nothing is said, nothing is told either.
func (p *pass) account(cause error) {
	if _, quiet := silent(cause); quiet && !errors.Is(cause, errOutdated) {
		p.Metrics.forget(p.key)
		return
	}
	for _, t := range p.Metrics.take(p.key, p.findings, p.begun, p.early) {
		kind, verb, note := t.event()
		// The pod is named, so that events of two members are not taken for one.
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: p.d.Namespace, Name: t.member}}
		p.Recorder.Eventf(p.d, pod, kind, string(t.kind), verb, "%s", note)
	}
}

// event is how news are told.
func (t news) event() (kind, verb, note string) {
	what := fmt.Sprintf("%s of %s", t.kind, t.member)
	after := t.after.Round(100 * time.Millisecond)
	kind = corev1.EventTypeNormal
	switch t.outcome {
	case outcomeDone:
		verb, note = verbEnd, fmt.Sprintf("%s: done after %s", what, after)
	case outcomeDropped:
		verb, note = verbDrop, fmt.Sprintf("%s: not asked for any more, after %s", what, after)
	case outcomeFailed:
		kind, verb, note = corev1.EventTypeWarning, verbFail, fmt.Sprintf("%s: could not be carried out and is tried again: %s", what, printable(t.problem))
	default:
		verb, note = verbBegin, what+": "+t.why
	}
	return kind, verb, head(note, mostNote)
}
