// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"context"
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/sync/errgroup"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/test/double/operator"
	"github.com/quorate/quorate/test/double/portrait"
	"github.com/quorate/quorate/test/double/wire"
)

// Story is something that an operator brings about for a Datastore named db.
type Story struct {
	// Before is what was there already; nil for nothing.
	Before func(ctx context.Context, d *v1alpha1.Datastore)
	// Act is what the user does.
	Act func(ctx context.Context, d *v1alpha1.Datastore)
	// Operator changes the operators; nil leaves them as they are.
	Operator func(o *operator.Options)
	// Formations is how many sets the user had form, where that is not one.
	Formations int
}

// ending is all that must not depend on where an operator died.
type ending struct {
	portrait   portrait.Portrait
	made       wire.Tally // creations and deletions
	formations int
	crashes    []string
	effects    []string
}

// abreast is how many tellings there are at a time.
const abreast = 8

// EveryDeath tells a story once for every effect after which an operator can
// die, or every second, third and so on by the stride, and compares how it
// ends: what there is in the end, and how often anything was made or deleted on
// the way.
func (t Story) EveryDeath(ctx context.Context, stride int) {
	GinkgoHelper()
	plain := t.tell(ctx, 0, nil)
	AddReportEntry("Effects", fmt.Sprintf("%d: %v", len(plain.effects), plain.effects))
	Abreast(func(each func(func())) {
		for n := int(GinkgoRandomSeed()) % stride; n < len(plain.effects); n += stride {
			each(func() {
				end := t.tell(ctx, n+1, plain.portrait)
				where := fmt.Sprintf("died after effect %d, %s", n+1, plain.effects[n])
				Expect(end.formations).To(Equal(max(1, t.Formations)), where)
				Expect(end.crashes).To(BeEmpty(), where)
				Expect(end.made).To(Equal(plain.made), where)
			})
		}
	})
}

// Abreast does several things at a time, and waits for all.
func Abreast(all func(each func(func()))) {
	GinkgoHelper()
	var group errgroup.Group
	group.SetLimit(abreast)
	all(func(one func()) {
		group.Go(func() error {
			defer GinkgoRecover()
			one()
			return nil
		})
	})
	Expect(group.Wait()).To(Succeed())
}

func (t Story) options(o *operator.Options) {
	if t.Operator != nil {
		t.Operator(o)
	}
}

// tell plays the story with an operator that dies after an effect and another
// one that goes on; with 0 nobody dies. It ends as another telling did, if one
// is given.
func (t Story) tell(ctx context.Context, last int, like portrait.Portrait) ending {
	GinkgoHelper()
	s, x := NewScene(ctx), NewMortal()
	d := s.Sample("db").Obj()
	op := s.Operate(ctx, x.Options, t.options)
	if t.Before != nil {
		t.Before(ctx, d)
		ExpectRest(op.Wire)
	}
	x.Begin(last)
	t.Act(ctx, d)
	wires := []*wire.Wire{op.Wire}
	if last > 0 {
		// A telling may do with fewer writes of the status than the one before it.
		Eventually(func(g Gomega) {
			if !x.Dead() {
				g.Expect(s.Get(ctx, "db", d)).To(Succeed())
				Reconciled(g, d)
			}
		}).Should(Succeed())
		op.Kill()
		Expect(op.Stop()).To(Succeed())
		op = s.Operate(ctx, t.options)
		wires = append(wires, op.Wire)
	}
	ExpectObjectReconciled(ctx, d)
	ExpectMembers(ctx, s, "db", int(*d.Spec.Replicas))
	ExpectRestOnce(op.Wire)
	if like != nil {
		Eventually(func() []string { return s.Portrait(ctx, "db").Difference(like) }).Should(BeEmpty())
	}
	end := ending{
		portrait: s.Portrait(ctx, "db"), made: wire.Tally{}, effects: x.Effects(),
		formations: World.Formations(s.Key("db")), crashes: World.Crashes(s.Key("db")),
	}
	for _, w := range wires {
		for key, n := range wire.Count(w.Writes()) {
			if verb := key[:6]; verb == "create" || verb == "delete" {
				end.made[key] += n
			}
		}
	}
	Expect(op.Stop()).To(Succeed())
	return end
}

// Form applies a Datastore.
func Form(ctx context.Context, d *v1alpha1.Datastore) {
	GinkgoHelper()
	ExpectApplied(ctx, d)
}

// Formed applies a Datastore and waits until it is ready.
func Formed(ctx context.Context, d *v1alpha1.Datastore) {
	GinkgoHelper()
	ExpectApplied(ctx, d)
	ExpectObjectReconciled(ctx, d)
}

// ScaleTo changes the size of a Datastore.
func ScaleTo(replicas int32) func(context.Context, *v1alpha1.Datastore) {
	return func(ctx context.Context, d *v1alpha1.Datastore) {
		GinkgoHelper()
		ExpectScaled(ctx, d, replicas)
	}
}
