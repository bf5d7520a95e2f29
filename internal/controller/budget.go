// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"strconv"

	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/internal/resource"
)

// maxUnavailable is what a budget asks for. One that somebody else wrote in
// percent counts as open.
func maxUnavailable(budget *policyv1.PodDisruptionBudget) int32 {
	most := budget.Spec.MaxUnavailable
	if most == nil || most.Type != intstr.Int {
		return 1
	}
	return most.IntVal
}

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
	desired := p.builder(p.snapshot, 0).DisruptionBudget(want.Max)
	metav1.SetMetaDataAnnotation(&desired.ObjectMeta, resource.EpochAnnotation, strconv.FormatInt(want.Epoch, 10))
	if _, err := p.ensure(ctx, desired); err != nil {
		return err
	}
	pointBudgetApplied.Reach()
	return nil
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
