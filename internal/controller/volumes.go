// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/plan"
	"github.com/quorate/quorate/internal/resource"
)

// refusedFor is for how long a claim that the API server would not let ask for
// more is left alone: it is not told when a StorageClass or a quota changes.
const refusedFor = time.Minute

// volumes is what one pass found of the sizes of the claims.
type volumes struct {
	// due are the claims that are to ask for more, in order.
	due []*corev1.PersistentVolumeClaim
	// growing says what is on its way; empty where nothing is.
	growing string
	// refused is why they do not get their size; nil where they may.
	refused *plan.Finding
}

// refusal is what the API server said to an enlargement.
type refusal struct {
	// size is what was asked for, and until when it is not asked again.
	size  string
	until time.Time
	// message is for the condition.
	message string
}

// ownClaims are the claims that bear name, label and identity of this set and
// are not on their way out, by ordinal (law 9).
func (p *pass) ownClaims(snap *snapshot) []*corev1.PersistentVolumeClaim {
	l := p.ledger.ledger
	if l == nil || l.ClusterID == "" {
		return nil
	}
	var out []*corev1.PersistentVolumeClaim
	for _, c := range snap.claims {
		ours := c.Labels[resource.DatastoreLabel] == p.d.Name && c.Labels[resource.ClusterIDLabel] == l.ClusterID
		if ours && c.DeletionTimestamp == nil {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b *corev1.PersistentVolumeClaim) int {
		return cmp.Compare(p.ordinalOfClaim(a), p.ordinalOfClaim(b))
	})
	return out
}

func (p *pass) ordinalOfClaim(c *corev1.PersistentVolumeClaim) int32 {
	member, _ := resource.MemberOfClaim(p.d, p.layout(), c.Name)
	i, _ := p.layout().Number(member)
	return i
}

// sizes looks how far the claims are on their way to the size that is wanted.
// Those of members that have left and are kept are not enlarged: nobody mounts
// them, so that they would never get done.
func (p *pass) sizes(snap *snapshot) volumes {
	var out volumes
	if p.findings.blocked != nil {
		return out
	}
	b, used := p.builder(snap, 0), max(p.d.DesiredReplicas(), snap.layout.Span(snap.sets.sizes()))
	var growing []string
	for _, c := range p.ownClaims(snap) {
		if p.ordinalOfClaim(c) >= used {
			continue
		}
		how, clause := b.Expansion(c)
		clause = head(steady(printable(clause)), maxComplaints)
		switch how {
		case resource.ExpansionDue:
			out.due = append(out.due, c)
			growing = append(growing, clause)
		case resource.ExpansionRunning:
			growing = append(growing, clause)
		case resource.ExpansionInfeasible:
			out.refuse(clause + "; the set goes on with the volumes it has; see the events of the claim")
		}
	}
	out.growing = strings.Join(growing, "; ")
	if r := p.read(p.d.UID).refused; len(out.due) > 0 && r.size == p.size() {
		out.refuse(r.message)
	}
	return out
}

func (v *volumes) refuse(message string) {
	if v.refused == nil {
		v.refused = &plan.Finding{Reason: v1alpha1.ReasonExpansionRefused, Message: message}
	}
}

// also tells of a refusal behind what is more urgent: it may be about the disk
// that the pod is stuck on.
func (v *volumes) also() string {
	if v.refused == nil {
		return ""
	}
	return "; and " + v.refused.Message
}

func (p *pass) size() string { return p.d.Spec.Storage.Size.String() }

// expand has claims ask for the size of the specification. It takes nothing
// from any server, so it waits neither for its turn nor for a pod: a server
// that is down since its disk is full is why it is asked for.
//
// The StatefulSet keeps the size that it was made with, which nobody can
// change: a claim that it makes later is enlarged here once it is bound. What
// is refused holds nothing else up, and is tried again later.
func (p *pass) expand(ctx context.Context) error {
	if r := p.read(p.d.UID).refused; r.size == p.size() && p.Now().Before(r.until) {
		return nil
	}
	for _, c := range p.findings.volumes.due {
		if err := p.current(ctx); err != nil {
			return err
		}
		err := p.patchClaim(ctx, c, map[string]any{
			"spec": map[string]any{"resources": map[string]any{"requests": map[string]any{"storage": p.size()}}},
		})
		if apierrors.IsForbidden(err) || apierrors.IsInvalid(err) {
			p.noteRefusal(c, err)
			return nil
		}
		if err != nil {
			return fmt.Errorf("have claim %s ask for %s: %w", c.Name, p.size(), err)
		}
		pointClaimEnlarged.Reach()
	}
	p.tenure.change(p.d.UID, func(r *record) { r.refused = refusal{} })
	return nil
}

// noteRefusal keeps what the API server said, for the status and so that it is
// not asked again at once.
func (p *pass) noteRefusal(c *corev1.PersistentVolumeClaim, err error) {
	why := head(printable(err.Error()), maxComplaints)
	if resource.ResizeRefused(err) {
		why = fmt.Sprintf("set allowVolumeExpansion on StorageClass %s, if its storage can do it", classOf(c))
	}
	message := fmt.Sprintf("claim %s may not be enlarged to %s: %s; the set goes on with the volumes it has", c.Name, p.size(), why)
	p.tenure.change(p.d.UID, func(r *record) {
		r.refused = refusal{size: p.size(), until: p.Now().Add(refusedFor), message: message}
	})
	p.findings.volumes.refuse(message)
}

func classOf(c *corev1.PersistentVolumeClaim) string {
	if name := ptr.Deref(c.Spec.StorageClassName, ""); name != "" {
		return name
	}
	return "(none)"
}

// retain brings the owners of the claims to what whenDeleted asks for. It must
// be done before the Datastore is deleted; afterwards nobody does.
func (p *pass) retain(ctx context.Context) error {
	for _, c := range p.ownClaims(p.snapshot) {
		owners := resource.ClaimOwners(c.OwnerReferences, p.d, p.d.StorageRetention().WhenDeleted)
		if len(owners) == len(c.OwnerReferences) {
			continue
		}
		if err := p.current(ctx); err != nil {
			return err
		}
		if err := p.patchClaim(ctx, c, map[string]any{"metadata": map[string]any{"ownerReferences": owners}}); err != nil {
			return fmt.Errorf("change the owners of claim %s: %w", c.Name, err)
		}
		pointClaimOwned.Reach()
	}
	return nil
}

// patchClaim changes a claim as it was seen: the API server refuses it for one
// that was made anew, or changed since.
func (p *pass) patchClaim(ctx context.Context, c *corev1.PersistentVolumeClaim, change map[string]any) error {
	meta, _ := change["metadata"].(map[string]any)
	if meta == nil {
		meta = map[string]any{}
		change["metadata"] = meta
	}
	meta["uid"], meta["resourceVersion"] = c.UID, c.ResourceVersion
	body, err := json.Marshal(change)
	if err != nil {
		return fmt.Errorf("render the change: %w", err)
	}
	//nolint:wrapcheck // The callers say what they were changing.
	return p.Patch(ctx, c.DeepCopy(), client.RawPatch(types.MergePatchType, body), client.FieldOwner(resource.FieldOwner))
}

// discard deletes the claims that the decision names, each by its UID and as it
// was seen. The ledger says by now that they are doomed, so that nobody is let
// join on them.
func (p *pass) discard(ctx context.Context) error {
	for _, ref := range p.findings.decision.DeleteClaims {
		c := p.snapshot.claims[ref.Member]
		if c == nil || string(c.UID) != ref.UID {
			continue
		}
		seen := client.Preconditions{UID: &c.UID, ResourceVersion: &c.ResourceVersion}
		if err := p.Delete(ctx, c.DeepCopy(), seen); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete claim %s: %w", c.Name, err)
		}
		p.begun = append(p.begun, p.findings.actionOn(actionDiscardVolume, ref.Member, ref.UID, "the policy or the user says that it may go"))
		pointClaimDeleted.Reach()
	}
	return nil
}
