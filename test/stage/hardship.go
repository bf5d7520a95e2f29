// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/quorate/quorate/test/double/operator"
)

// Hardship is what an operator may have to do its work under.
type Hardship struct {
	Name string
	// Operator puts an operator under it.
	Operator func(o *operator.Options)
	// Rest is for how long an operator under it may do nothing, and yet go on.
	Rest time.Duration
}

// Under tells a story once as it should go, and once under each hardship, whose
// operator takes over from one that brought about what was there before. It compares
// how they end, as where an operator dies.
func (t Story) Under(ctx context.Context, all ...Hardship) {
	GinkgoHelper()
	plain := t.tell(ctx, death{}, nil)
	for _, h := range all {
		t.expectEnd(t.endure(ctx, h, plain), plain, h.Name)
	}
}

func (t Story) endure(ctx context.Context, h Hardship, plain ending) ending {
	GinkgoHelper()
	s := NewScene(ctx)
	d := s.Sample("db").Obj()
	if t.Before != nil {
		first := s.Operate(ctx, t.options)
		t.Before(ctx, d)
		ExpectRest(first.Wire)
		Expect(first.Stop()).To(Succeed())
	}
	op := s.Operate(ctx, t.options, h.Operator)
	t.Act(ctx, d)
	ExpectObjectReconciled(ctx, d)
	ExpectMembers(ctx, s, "db", int(*d.Spec.Replicas))
	Eventually(op.Wire.Quiet).Should(BeNumerically(">", h.Rest+aRest))
	ExpectObjectReconciled(ctx, d)
	end := t.ended(ctx, s, plain.portrait, op.Wire)
	AddReportEntry("Writes "+h.Name, fmt.Sprint(op.Wire.Writes()))
	Expect(op.Stop()).To(Succeed())
	return end
}
