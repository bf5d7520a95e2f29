// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"strconv"

	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/internal/resource"
)

// limit writes how many members others may evict. What is closed so is acted
// upon only in a later pass, when the disruption controller was seen to have
// seen it.
//
// It is written over the budget as it was read and no other: a manager that was
// frozen would open again what its successor has closed.
func (p *pass) limit(ctx context.Context) error {
	want := p.findings.decision.Budget
	if want == nil {
		return nil
	}
	pods := max(p.snapshot.mostPods(), p.findings.decision.Shape.Replicas)
	desired := p.builder(p.snapshot, 0).DisruptionBudget(want.Max, pods)
	metav1.SetMetaDataAnnotation(&desired.ObjectMeta, resource.EpochAnnotation, strconv.FormatInt(want.Epoch, 10))
	if _, err := p.ensure(ctx, desired); err != nil {
		return err
	}
	pointBudgetApplied.Reach()
	return nil
}

// mostPods is how many there are, or are to be, whichever is more: as long as a pod is
// there that is not to be any more, it may be ready.
func (s *snapshot) mostPods() int32 {
	there := int32(0)
	for _, p := range s.pods {
		if p.DeletionTimestamp == nil {
			there++
		}
	}
	return max(there, s.layout.Span(s.sets.sizes()))
}

// sameBudget refuses a budget that is not the one that the decision was made
// on. Its status changes by itself, its specification and its mark do not.
func (p *pass) sameBudget(live *policyv1.PodDisruptionBudget) error {
	had := p.snapshot.budget
	if had == nil || had.UID != live.UID || had.Generation != live.Generation || epochOn(live) > p.ledger.ledger.Epoch {
		return errOutdated
	}
	return nil
}

// epochOn returns the epoch that an object bears, 0 where it bears none.
func epochOn(o client.Object) int64 {
	epoch, err := strconv.ParseInt(o.GetAnnotations()[resource.EpochAnnotation], 10, 64)
	if err != nil {
		return 0
	}
	return epoch
}
