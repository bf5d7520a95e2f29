// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/internal/plan"
)

// dissolve ends a set whose data the user gave up, and the pass: what follows
// depends on its being gone.
//
// The StatefulSet is deleted since the claims that it would make bear the old
// identity, and that cannot be changed. It goes by its UID and as it was seen, with
// no pods.
func (p *pass) dissolve(ctx context.Context) error {
	switch p.findings.decision.Dissolve {
	case plan.DissolveStatefulSet:
		if err := p.current(ctx); err != nil {
			return err
		}
		set := p.snapshot.set
		seen := client.Preconditions{UID: &set.UID, ResourceVersion: &set.ResourceVersion}
		if err := p.Delete(ctx, set.DeepCopy(), seen); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete StatefulSet %s: %w", set.Name, err)
		}
		pointStatefulSetGone.Reach()
	case plan.DissolveLedger: // it was written
	default:
		return nil
	}
	p.renewed = true
	return errStop
}
