// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/sync/errgroup"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/test/double/portrait"
	"github.com/quorate/quorate/test/double/wire"

	. "github.com/quorate/quorate/test/stage"
)

// story is something that an operator brings about: it is told by what was
// there before, what the user does, and how it ends.
type story struct {
	before func(ctx context.Context, s *Scene, d *v1alpha1.Datastore)
	act    func(ctx context.Context, s *Scene, d *v1alpha1.Datastore)
	// plain is how it ends; nil where that is still to be told.
	plain portrait.Portrait
}

// ending is all that must not depend on where an operator died.
type ending struct {
	portrait   portrait.Portrait
	created    wire.Tally
	formations int
	crashes    []string
	effects    []string
}

// tell plays a story with an operator that dies after an effect and another one
// that goes on; with none nobody dies.
func (t story) tell(ctx context.Context, last int) ending {
	GinkgoHelper()
	s := NewScene(ctx)
	d := s.Sample("db").Obj()
	x := NewMortal()
	op := s.Operate(ctx, x.Options)
	if t.before != nil {
		t.before(ctx, s, d)
		ExpectRest(op.Wire)
	}
	x.Begin(last)
	t.act(ctx, s, d)
	wires := []*wire.Wire{op.Wire}
	if last > 0 {
		// A run may do with fewer writes of its status than the one before it.
		Eventually(func(g Gomega) {
			if !x.Dead() {
				g.Expect(API.Get(ctx, s.Key("db"), d)).To(Succeed())
				Reconciled(g, d)
			}
		}).Should(Succeed())
		op.Kill()
		Expect(op.Stop()).To(Succeed())
		op = s.Operate(ctx)
		wires = append(wires, op.Wire)
	}
	ExpectObjectReconciled(ctx, d)
	ExpectMembers(ctx, s, "db", int(*d.Spec.Replicas))
	if t.plain != nil {
		Eventually(func() []string { return s.Portrait(ctx, "db").Difference(t.plain) }).Should(BeEmpty())
	}
	end := ending{
		portrait: s.Portrait(ctx, "db"), created: wire.Tally{}, effects: x.Effects(),
		formations: World.Formations(s.Key("db")), crashes: World.Crashes(s.Key("db")),
	}
	for _, w := range wires {
		for key, n := range wire.Count(w.Writes()) {
			if verb := key[:6]; verb == "create" || verb == "delete" {
				end.created[key] += n
			}
		}
	}
	Expect(op.Stop()).To(Succeed())
	return end
}

// surviveAnywhere tells a story once for every effect (but see stride) after which an operator
// can die, several at a time, and compares the endings.
func (t story) surviveAnywhere(ctx context.Context) {
	GinkgoHelper()
	plain := t.tell(ctx, 0)
	t.plain = plain.portrait
	AddReportEntry("Effects", fmt.Sprintf("%d: %v", len(plain.effects), plain.effects))
	var group errgroup.Group
	group.SetLimit(8)
	for n := int(GinkgoRandomSeed() % stride); n < len(plain.effects); n += stride {
		group.Go(func() error {
			defer GinkgoRecover()
			end := t.tell(ctx, n+1)
			where := fmt.Sprintf("died after effect %d, %s", n+1, plain.effects[n])
			Expect(end.formations).To(Equal(1), where)
			Expect(end.crashes).To(BeEmpty(), where)
			Expect(end.created).To(Equal(plain.created), where)
			return nil
		})
	}
	Expect(group.Wait()).To(Succeed())
}

var _ = Describe("An operator that dies at any moment is followed by one that goes on", func() {
	form := func(ctx context.Context, _ *Scene, d *v1alpha1.Datastore) { ExpectApplied(ctx, d) }
	formed := func(ctx context.Context, s *Scene, d *v1alpha1.Datastore) {
		form(ctx, s, d)
		ExpectObjectReconciled(ctx, d)
	}

	It("of a formation", func(ctx context.Context) {
		story{act: form}.surviveAnywhere(ctx)
	})

	It("of a shrinkage", func(ctx context.Context) {
		story{before: formed, act: func(ctx context.Context, _ *Scene, d *v1alpha1.Datastore) { ExpectScaled(ctx, d, 2) }}.surviveAnywhere(ctx)
	})

	It("of a growth", func(ctx context.Context) {
		story{before: formed, act: func(ctx context.Context, _ *Scene, d *v1alpha1.Datastore) { ExpectScaled(ctx, d, 4) }}.surviveAnywhere(ctx)
	})
})
