// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/internal/plan"
)

// dissolve ends a set whose data the user gave up, and the pass: what follows
// depends on its being gone.
//
// The StatefulSets are deleted since the claims that they would make bear the old
// identity, and that cannot be changed. They go by UID and as they were seen, with no
// pods. One that a crash has left is deleted by the next pass: the set is not gone
// before the last of them is.
func (p *pass) dissolve(ctx context.Context) error {
	switch p.findings.decision.Dissolve {
	case plan.DissolveStatefulSet:
		if err := p.current(ctx); err != nil {
			return err
		}
		for _, set := range p.snapshot.sets {
			if err := p.dissolveOne(ctx, set); err != nil {
				return err
			}
		}
	case plan.DissolveLedger: // it was written
	default:
		return nil
	}
	p.renewed = true
	return errStop
}

func (p *pass) dissolveOne(ctx context.Context, set *appsv1.StatefulSet) error {
	if set == nil {
		return nil
	}
	seen := client.Preconditions{UID: &set.UID, ResourceVersion: &set.ResourceVersion}
	if err := p.Delete(ctx, set.DeepCopy(), seen); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete StatefulSet %s: %w", set.Name, err)
	}
	pointStatefulSetGone.Reach()
	return nil
}
