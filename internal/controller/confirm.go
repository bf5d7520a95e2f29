// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/quorate/quorate/api/v1alpha1"
)

// former waits for the end of what a deleted Datastore of the same name leaves
// behind for good: a ledger of which every claim is gone or going. To take it
// over would keep a set in memory that has nothing left.
func (p *pass) former(snap *snapshot) error {
	if p.ledger.object == nil || p.d.Spec.Paused {
		return nil
	}
	claims := false
	for _, ref := range p.ledger.object.OwnerReferences {
		if ref.UID == p.d.UID {
			return nil
		}
		claims = claims || ref.Kind == "PersistentVolumeClaim"
	}
	for _, c := range snap.claims {
		if c.DeletionTimestamp == nil {
			return nil
		}
	}
	if !claims && len(snap.claims) == 0 {
		return nil
	}
	return &formerError{what: "the ledger of a deleted Datastore of this name", why: "it goes with the volume claims that are being deleted"}
}

// confirm plans again on what the API server and the agents say now, where the
// first decision would change anything about members. What is then done is
// this second decision, whatever the first was. The Datastore itself must be
// as it was read: nothing is made for one that is gone, and nothing is taken
// from one that is wanted otherwise by now.
func (p *pass) confirm(ctx context.Context) error {
	if p.findings.blocked != nil || p.d.Spec.Paused {
		return errStop
	}
	if !p.changesMembers() {
		return nil
	}
	if err := p.current(ctx); err != nil {
		return err
	}
	snap, err := observe(ctx, p.Live, p.d, p.layout(), nil)
	if err != nil {
		return err
	}
	// After the claims: no report may be older than a loss that was seen.
	snap.reports = p.fleet.Refresh(ctx, p.key)
	p.early = false
	if err := p.strand(ctx, snap); err != nil {
		return err
	}
	if err := p.handmade(ctx, snap); err != nil {
		return err
	}
	return p.plan(snap)
}

func (p *pass) changesMembers() bool {
	d, s := p.findings.decision, p.findings.state
	if d.Ledger == nil {
		return false
	}
	sized := s.Set == nil || d.Shape.Replicas != s.Set.Replicas || p.snapshot.sets.apart(p.layout())
	limited := d.Budget != nil && (s.Budget == nil || s.Budget.Max != d.Budget.Max || s.Budget.Epoch != d.Budget.Epoch)
	deeds := len(d.Asks) + len(d.Replace) + len(d.UpgradeAgents) + len(d.DeleteClaims) + len(d.EmptyAccounts)
	return deeds > 0 || d.TakeOver != nil || d.Dissolve != "" || d.WriteKey != "" || limited || sized || d.Shape.WriteTemplate || d.Shape.Restore || !p.ledger.says(d.Ledger, p.d, p.claims())
}

// current compares the Datastore with what the API server has of it now, once
// in a pass.
func (p *pass) current(ctx context.Context) error {
	if p.confirmed {
		return nil
	}
	var live v1alpha1.Datastore
	err := p.Live.Get(ctx, p.key, &live)
	switch {
	case apierrors.IsNotFound(err):
		return errGone
	case err != nil:
		return fmt.Errorf("get %s: %w", p.d.Name, err)
	case live.UID != p.d.UID || live.DeletionTimestamp != nil:
		return errGone
	case live.Generation != p.d.Generation, live.Annotations[v1alpha1.AnnotationApprove] != p.d.Annotations[v1alpha1.AnnotationApprove]:
		return errOutdated // a word may have been taken back
	}
	p.confirmed = true
	return nil
}
