// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"context"
	"fmt"
	"os"

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
	// Check looks at how each telling has ended, beside what is compared; nil looks
	// at nothing.
	Check func(ctx context.Context, s *Scene)
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

// death is when an operator dies: at an effect, counted from one; 0 for never.
type death struct {
	at     int
	unsent bool
}

func (d death) String() string {
	if d.unsent {
		return "before effect"
	}
	return "after effect"
}

// abreast is how many tellings there are at a time.
const abreast = 8

// campaign has every death be told; so many are too many for every day.
const campaign = "QUORATE_CAMPAIGN"

// EveryDeath tells a story once for every effect at which an operator can die, or
// every second, third and so on by the stride, and compares how it ends: what there
// is in the end, and how often anything was made or deleted on the way. By turns the
// operator dies before the effect is sent, and after it was had; which of both comes
// first, and where a stride begins, the seed of the suite says. With QUORATE_CAMPAIGN
// set, both are told of every effect.
func (t Story) EveryDeath(ctx context.Context, stride int) {
	GinkgoHelper()
	plain := t.tell(ctx, death{}, nil)
	AddReportEntry("Effects", fmt.Sprintf("%d: %v", len(plain.effects), plain.effects))
	Abreast(func(each func(func())) {
		for _, d := range deaths(len(plain.effects), stride, int(GinkgoRandomSeed())) {
			each(func() { t.expectSame(ctx, d, plain) })
		}
	})
}

// DeathAt tells a story in which an operator dies at the last effect of a name, once
// before it is sent and once after it was had.
func (t Story) DeathAt(ctx context.Context, effect string) {
	GinkgoHelper()
	plain := t.tell(ctx, death{}, nil)
	last := 0
	for i, e := range plain.effects {
		if e == effect {
			last = i + 1
		}
	}
	Expect(last).NotTo(BeZero(), "%s is not among the effects %v", effect, plain.effects)
	Abreast(func(each func(func())) {
		each(func() { t.expectSame(ctx, death{at: last, unsent: true}, plain) })
		each(func() { t.expectSame(ctx, death{at: last}, plain) })
	})
}

// deaths are those that are told: of n effects, so far apart.
func deaths(n, stride, seed int) []death {
	var out []death
	if os.Getenv(campaign) != "" {
		for i := range n {
			out = append(out, death{at: i + 1, unsent: true}, death{at: i + 1})
		}
		return out
	}
	for i := seed % stride; i < n; i += stride {
		out = append(out, death{at: i + 1, unsent: (i/stride+seed/stride)%2 == 0})
	}
	return out
}

// expectSame tells the story with a death, and expects it to end as one without.
func (t Story) expectSame(ctx context.Context, d death, plain ending) {
	GinkgoHelper()
	end := t.tell(ctx, d, plain.portrait)
	t.expectEnd(end, plain, fmt.Sprintf("died %s %d, %s", d, d.at, plain.effects[d.at-1]))
}

func (t Story) expectEnd(end, plain ending, where string) {
	GinkgoHelper()
	Expect(end.formations).To(Equal(max(1, t.Formations)), where)
	Expect(end.crashes).To(BeEmpty(), where)
	Expect(end.made).To(Equal(plain.made), where)
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

// tell plays the story with an operator that dies at an effect and another one that
// goes on. It ends as another telling did, if one is given.
func (t Story) tell(ctx context.Context, end death, like portrait.Portrait) ending {
	GinkgoHelper()
	s, x := NewScene(ctx), NewMortal()
	x.Unsent = end.unsent
	d := s.Sample("db").Obj()
	op := s.Operate(ctx, x.Options, t.options)
	if t.Before != nil {
		t.Before(ctx, d)
		ExpectRest(op.Wire)
	}
	x.Begin(end.at)
	t.Act(ctx, d)
	wires := []*wire.Wire{op.Wire}
	if end.at > 0 {
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
	out := t.ended(ctx, s, like, wires...)
	out.effects = x.Effects()
	Expect(op.Stop()).To(Succeed())
	return out
}

// ended looks at how a story ended, once it is like another one, if one is given.
func (t Story) ended(ctx context.Context, s *Scene, like portrait.Portrait, wires ...*wire.Wire) ending {
	GinkgoHelper()
	if like != nil {
		Eventually(func() []string { return s.Portrait(ctx, "db").Difference(like) }).Should(BeEmpty())
	}
	if t.Check != nil {
		t.Check(ctx, s)
	}
	end := ending{
		portrait: s.Portrait(ctx, "db"), made: wire.Tally{},
		formations: World.Formations(s.Key("db")), crashes: World.Crashes(s.Key("db")),
	}
	for _, w := range wires {
		for key, n := range wire.Count(w.Writes()) {
			if verb := key[:6]; verb == "create" || verb == "delete" {
				end.made[key] += n
			}
		}
	}
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
