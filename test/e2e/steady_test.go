//go:build e2e

// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"slices"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/quorate/quorate/hack/bench/load"
)

// steady is a load that goes on while a set is worked on, whatever its engine.
type steady struct {
	writes func() []load.Write
}

// begin has run write until the specs have run, and then end what it has open.
func (s *steady) begin(ctx context.Context, run func(context.Context), writes func() []load.Write, end func(context.Context)) {
	GinkgoHelper()
	s.writes = writes
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		run(running)
	}()
	DeferCleanup(func(ctx SpecContext) {
		stop()
		<-ended
		end(ctx)
	}, NodeTimeout(time.Minute))
	s.expectWrites(ctx)
}

// expectWrites waits until writes that begin from now on are acknowledged.
func (s *steady) expectWrites(ctx context.Context) {
	GinkgoHelper()
	from := time.Now().Add(load.Every)
	Eventually(ctx, func() int {
		return len(slices.DeleteFunc(s.writes(), func(w load.Write) bool { return !w.Acked.After(from) }))
	}).Should(BeNumerically(">=", 5), "writes are not acknowledged any more")
}

// expectNoneFailed looks at all writes but so many first ones, as far as they have
// their answer.
func (s *steady) expectNoneFailed(before int) {
	GinkgoHelper()
	var failed []string
	all := s.writes()[before:]
	for _, w := range all {
		if w.Acked.IsZero() {
			failed = append(failed, w.Key+": "+w.Error)
		}
	}
	Expect(failed).To(BeEmpty(), "of %d", len(all))
}

// gap reports the longest time without an acknowledged write since one time.
func (s *steady) gap(what string, since time.Time) time.Duration {
	g := load.Longest(s.writes(), since, time.Now())
	AddReportEntry("longest time without an acknowledged write: "+what, g.Seconds()+" s")
	return g.Length
}
