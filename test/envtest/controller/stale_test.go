// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/quorate/quorate/internal/agent/protocol"
	"github.com/quorate/quorate/internal/controller"
	"github.com/quorate/quorate/test/double/operator"
	"github.com/quorate/quorate/test/double/wire"

	. "github.com/quorate/quorate/test/stage"
)

var _ = Describe("An operator with an old view", func() {
	It("makes nothing for a Datastore that is gone, and deletes nothing of its successor", func(ctx context.Context) {
		s := NewScene(ctx)
		first := s.Operate(ctx)
		d := s.Sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		Expect(first.Stop()).To(Succeed())

		view := &Frozen{}
		stale := s.Operate(ctx, view.FreezeNow(ctx, s), func(o *operator.Options) {
			o.Settings = func(s *controller.Settings) { s.Resync = 100 * time.Millisecond }
		})
		Expect(API.Delete(ctx, d)).To(Succeed())
		ExpectCollected(ctx, s)
		stale.Wire.Forget()
		Consistently(func() wire.Tally { return wire.Count(stale.Wire.Writes()) }).Should(BeEmpty(), "the Datastore is gone")

		By("making another of the same name")
		second := s.Operate(ctx)
		fresh := s.Sample("db").Obj()
		ExpectApplied(ctx, fresh)
		ExpectObjectReconciled(ctx, fresh)
		ExpectRest(second.Wire) // the budget is opened last
		before := s.Versions(ctx)
		stale.Wire.Forget()
		Consistently(func() wire.Tally { return wire.Count(stale.Wire.Writes()) }).Should(BeEmpty(), "the Datastore is another")
		Expect(s.Versions(ctx)).To(Equal(before))
		Expect(second.Stop()).To(Succeed())
		view.Thaw()
		ExpectObjectReconciled(ctx, fresh)
	})

	It("takes no member away on the word of an old size", func(ctx context.Context) {
		s := NewScene(ctx)
		first := s.Operate(ctx)
		d := s.Sample("db").Replicas(1).Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		ExpectScaled(ctx, d, 2)
		ExpectObjectReconciled(ctx, d)
		ExpectScaled(ctx, d, 1)
		Expect(API.Get(ctx, s.Key("db"), d)).To(Succeed())
		Expect(first.Stop()).To(Succeed())

		By("an operator that goes on seeing 1 while the user wants 2")
		view := &Frozen{}
		stale := s.Operate(ctx, view.FreezeNow(ctx, s))
		ExpectScaled(ctx, d, 2)
		second := s.Operate(ctx)
		ExpectObjectReconciled(ctx, d)
		Expect(second.Stop()).To(Succeed())
		pods := s.PodUIDs(ctx, "db")
		stale.Wire.Forget()
		Consistently(func(g Gomega) {
			g.Expect(s.PodUIDs(ctx, "db")).To(Equal(pods))
			g.Expect(wire.Count(stale.Wire.Writes()).Objects()).To(BeZero())
		}).Should(Succeed())
		view.Thaw()
		ExpectObjectReconciled(ctx, d)
	})
})

var _ = Describe("An operator that another one has taken over from", func() {
	It("is refused by the members, and writes nothing more", func(ctx context.Context) {
		s := NewScene(ctx)
		// The first is stopped in the middle of asking a member to leave.
		var once sync.Once
		asking, goOn := make(chan struct{}), make(chan struct{})
		line := World.Line()
		var accepted atomic.Bool
		line.Asked = func(req protocol.ActionRequest) (func() error, error) {
			if req.Step == nil || req.Step.Kind != "Leave" {
				return func() error { return nil }, nil
			}
			once.Do(func() {
				close(asking)
				<-goOn
			})
			return func() error { accepted.Store(true); return nil }, nil
		}
		first := s.Operate(ctx, func(o *operator.Options) { o.Line = line })
		d := s.Sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		ExpectScaled(ctx, d, 2)
		Eventually(asking).Should(BeClosed())
		resume := first.Wire.Pause()

		By("a second one that sees to what the first began, and to what the user wants next")
		second := s.Operate(ctx)
		ExpectScaled(ctx, d, 3)
		ExpectObjectReconciled(ctx, d)
		ExpectRest(second.Wire)
		Expect(second.Stop()).To(Succeed())
		before, pods := s.Versions(ctx), s.PodUIDs(ctx, "db")

		By("the first one going on where it stopped")
		first.Wire.Forget()
		close(goOn)
		resume()
		ExpectPoked(ctx, d)
		Consistently(func() wire.Tally { return wire.Count(first.Wire.Writes()) }).Should(BeEmpty())
		Expect(accepted.Load()).To(BeFalse(), "the member takes no step of an old manager's")
		after := s.Versions(ctx)
		delete(before, "Datastore db")
		delete(after, "Datastore db")
		Expect(after).To(Equal(before))
		Expect(s.PodUIDs(ctx, "db")).To(Equal(pods))

		By("the user asking for something else, which is the successor's to do")
		ExpectScaled(ctx, d, 4)
		Consistently(func() wire.Tally { return wire.Count(first.Wire.Writes()) }).Should(BeEmpty())
		s.Operate(ctx)
		ExpectObjectReconciled(ctx, d)
		Expect(wire.Count(first.Wire.Writes())).To(BeEmpty())
	})
})
