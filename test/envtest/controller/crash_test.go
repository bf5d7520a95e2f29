// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"errors"
	"fmt"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"golang.org/x/sync/errgroup"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/agent/protocol"
	"github.com/quorate/quorate/test/double/members"
	"github.com/quorate/quorate/test/double/operator"
	"github.com/quorate/quorate/test/double/portrait"
	"github.com/quorate/quorate/test/double/wire"
)

var errDead = errors.New("the operator is dead")

// mortal counts the effects of an operator, which are its writes and what it
// asks of members, and has it die right after one of them, before it hears of
// it. To die before the next one is sent leaves the same behind.
type mortal struct {
	last int // the last effect; 0 for one that lives
	died chan struct{}

	mu   sync.Mutex
	what []string
	wire *wire.Wire
	line *members.Line
}

// newMortal returns the wire and line of an operator that lives until it is told
// otherwise.
func newMortal() *mortal {
	x := &mortal{died: make(chan struct{}), wire: &wire.Wire{}, line: world.Line()}
	x.wire.Judge = func(w wire.Write) wire.Fate {
		if x.isLast(w.String()) {
			return wire.LoseReply
		}
		return wire.Pass
	}
	x.wire.Judged = func(wire.Write) { x.bury() }
	x.line.Asked = func(req protocol.ActionRequest) (func() error, error) {
		dies := x.isLast("ask " + req.ID)
		return func() error {
			if !dies {
				return nil
			}
			x.bury()
			return errDead
		}, nil
	}
	return x
}

// begin counts from now on, and has the operator die after an effect.
func (x *mortal) begin(last int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.what, x.last = nil, last
	x.wire.Forget()
}

// isLast notes an effect, and cuts the operator off if it is the one to die at.
func (x *mortal) isLast(what string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.what = append(x.what, what)
	if len(x.what) != x.last {
		return false
	}
	x.wire.Cut()
	x.line.Cut()
	return true
}

// bury tells of the death, once the last effect has been had.
func (x *mortal) bury() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.last == 0 || len(x.what) < x.last {
		return
	}
	select {
	case <-x.died:
	default:
		close(x.died)
	}
}

func (x *mortal) dead() bool {
	select {
	case <-x.died:
		return true
	default:
		return false
	}
}

func (x *mortal) options(o *operator.Options) { o.Wire, o.Line = x.wire, x.line }

// story is something that an operator brings about: it is told by what was
// there before, what the user does, and how it ends.
type story struct {
	before func(ctx context.Context, s *scene, d *v1alpha1.Datastore)
	act    func(ctx context.Context, s *scene, d *v1alpha1.Datastore)
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
	s := newScene(ctx)
	d := s.sample("db").Obj()
	x := newMortal()
	op := s.operate(ctx, x.options)
	if t.before != nil {
		t.before(ctx, s, d)
		expectRest(op.Wire)
	}
	x.begin(last)
	t.act(ctx, s, d)
	wires := []*wire.Wire{x.wire}
	if last > 0 {
		// A run may do with fewer writes of its status than the one before it.
		Eventually(func(g Gomega) {
			if !x.dead() {
				g.Expect(api.Get(ctx, s.key("db"), d)).To(Succeed())
				reconciled(g, d)
			}
		}).Should(Succeed())
		op.Kill()
		Expect(op.Stop()).To(Succeed())
		op = s.operate(ctx)
		wires = append(wires, op.Wire)
	}
	ExpectObjectReconciled(ctx, d)
	expectMembers(ctx, s, "db", int(*d.Spec.Replicas))
	if t.plain != nil {
		Eventually(func() []string { return s.portrait(ctx, "db").Difference(t.plain) }).Should(BeEmpty())
	}
	end := ending{
		portrait: s.portrait(ctx, "db"), created: wire.Tally{}, effects: x.what,
		formations: world.Formations(s.key("db")), crashes: world.Crashes(s.key("db")),
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
	form := func(ctx context.Context, s *scene, d *v1alpha1.Datastore) { ExpectApplied(ctx, d) }
	formed := func(ctx context.Context, s *scene, d *v1alpha1.Datastore) {
		form(ctx, s, d)
		ExpectObjectReconciled(ctx, d)
	}

	It("of a formation", func(ctx context.Context) {
		story{act: form}.surviveAnywhere(ctx)
	})

	It("of a shrinkage", func(ctx context.Context) {
		story{before: formed, act: func(ctx context.Context, _ *scene, d *v1alpha1.Datastore) { ExpectScaled(ctx, d, 2) }}.surviveAnywhere(ctx)
	})

	It("of a growth", func(ctx context.Context) {
		story{before: formed, act: func(ctx context.Context, _ *scene, d *v1alpha1.Datastore) { ExpectScaled(ctx, d, 4) }}.surviveAnywhere(ctx)
	})
})
