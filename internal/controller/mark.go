// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/internal/resource"
)

// epochOwner is the name under which the epoch is written, so that an apply of
// the StatefulSet leaves it alone.
const epochOwner = resource.FieldOwner + "-epoch"

// mark writes the epoch onto the StatefulSets before this manager lets anybody
// join or leave by it. A predecessor that was frozen in the middle of a pass
// may have an apply of the StatefulSet in hand, which neither the ledger nor an
// agent would stop: it finds a later epoch than the one that it read, or
// another resourceVersion, and would else take away the pod of a member that
// has joined since.
//
// A StatefulSet that is not there yet needs no mark: only one that was read can
// be applied.
func (p *pass) mark(ctx context.Context) error {
	if len(p.findings.decision.Asks) == 0 {
		return nil
	}
	for i, set := range p.snapshot.sets {
		if err := p.markOne(ctx, i, set); err != nil {
			return err
		}
	}
	return nil
}

func (p *pass) markOne(ctx context.Context, i int, set *appsv1.StatefulSet) error {
	epoch := p.ledger.ledger.Epoch
	if set == nil || epochOn(set) >= epoch {
		return nil
	}
	marked := set.DeepCopy()
	metav1.SetMetaDataAnnotation(&marked.ObjectMeta, resource.EpochAnnotation, strconv.FormatInt(epoch, 10))
	patch := client.MergeFromWithOptions(set, client.MergeFromWithOptimisticLock{})
	if err := p.Patch(ctx, marked, patch, client.FieldOwner(epochOwner)); err != nil {
		return fmt.Errorf("mark StatefulSet %s with the epoch: %w", set.Name, err)
	}
	p.snapshot.sets[i] = marked
	pointStatefulSetMarked.Reach()
	return nil
}
