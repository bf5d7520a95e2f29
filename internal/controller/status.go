// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/resource"
)

// statusOf renders the status from the findings of one pass. It starts from
// the conditions before only to keep their transition times.
//
// A pass that ended before it saw anything tells only why it did: what the
// former one found stays, since it is not known to be otherwise.
func statusOf(f *findings, s *snapshot) v1alpha1.DatastoreStatus {
	if !f.decided && len(f.datastore.Status.Conditions) > 0 {
		return interrupted(f)
	}
	d := f.datastore
	out := v1alpha1.DatastoreStatus{
		ObservedGeneration: d.Generation,
		Conditions:         append([]metav1.Condition(nil), d.Status.Conditions...),
		Selector:           resource.Selector(d.Name),
		Image:              d.Status.Image,
	}
	for _, j := range judges {
		v := j.judge(f)
		meta.SetStatusCondition(&out.Conditions, metav1.Condition{
			Type: j.condition, Status: v.status, Reason: v.reason, Message: v.message, ObservedGeneration: d.Generation,
		})
	}
	if l := f.ledger; l != nil {
		out.ClusterID = l.ClusterID
		out.Image = l.Image
	}
	if a := f.decision.Assessment; a.Known {
		out.FaultTolerance = ptr.To(int32(a.Tolerance))
	}
	for _, m := range f.state.Members {
		if m.Pod == nil {
			continue
		}
		out.Replicas++
		if m.Pod.Ready && !m.Pod.Terminating {
			out.ReadyReplicas++
		}
	}
	out.Members = memberStatuses(f, s)
	if p := f.decision.Plan; p.Action != "" {
		out.Plan = &v1alpha1.PlanStatus{
			Action: string(p.Action), Member: p.Member, Why: p.Why, BlockedBy: p.BlockedBy, Message: orElse(p.Message, p.Why),
		}
	}
	return out
}

// interrupted is the status before with what ended the pass.
func interrupted(f *findings) v1alpha1.DatastoreStatus {
	d := f.datastore
	out := *d.Status.DeepCopy()
	out.ObservedGeneration = d.Generation
	told := f.tellable(meta.IsStatusConditionTrue(d.Status.Conditions, v1alpha1.ConditionFormed))
	for _, j := range judges {
		if !slices.Contains(told, j.condition) {
			continue
		}
		v := j.judge(f)
		meta.SetStatusCondition(&out.Conditions, metav1.Condition{
			Type: j.condition, Status: v.status, Reason: v.reason, Message: v.message, ObservedGeneration: d.Generation,
		})
	}
	return out
}

// tellable names the conditions that a pass can judge which has seen no
// members: whether it is blocked, and, of a set that never formed, that it so
// is not ready.
func (f *findings) tellable(formed bool) []string {
	switch {
	case f.blocked != nil && !formed:
		return []string{v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled, v1alpha1.ConditionReady}
	case f.blocked != nil:
		return []string{v1alpha1.ConditionReconciling, v1alpha1.ConditionStalled}
	case f.failure != nil || f.waiting != "":
		return []string{v1alpha1.ConditionReconciling}
	default:
		return nil
	}
}

// memberStatuses lists every member that has a pod or is in the membership.
func memberStatuses(f *findings, s *snapshot) []v1alpha1.MemberStatus {
	var out []v1alpha1.MemberStatus
	a := f.decision.Assessment
	for _, m := range f.state.Members {
		q := livePeer(a, m)
		if m.Pod == nil && q == nil {
			continue
		}
		ms := v1alpha1.MemberStatus{Name: m.Name}
		if m.Claim != nil {
			ms.ClaimUID = types.UID(m.Claim.UID)
		}
		if p := s.pods[m.Name]; p != nil {
			ms.Node = p.Spec.NodeName
		}
		if r := m.Report; r != nil {
			ms.ID, ms.Role, ms.Version = r.Server.ID, r.Server.Role, r.Server.Version
		}
		if q != nil {
			ms.ID, ms.Voter, ms.Healthy = q.ID, ptr.To(q.Voter), ptr.To(q.Healthy)
			ms.Version = orElse(ms.Version, q.Version)
		}
		out = append(out, ms)
	}
	return out
}

// urgent tells whether a change of status must be written at once: the
// specification was taken up, or a condition turned that somebody waits for,
// Ready or Stalled. What is left is detail on the way, such as which step runs,
// and may wait a moment to be written together.
func urgent(old, now *v1alpha1.DatastoreStatus) bool {
	if old.ObservedGeneration != now.ObservedGeneration || len(old.Conditions) != len(now.Conditions) {
		return true
	}
	for _, c := range now.Conditions {
		b := meta.FindStatusCondition(old.Conditions, c.Type)
		awaited := c.Type == v1alpha1.ConditionReady || c.Type == v1alpha1.ConditionStalled
		if b == nil || awaited && b.Status != c.Status {
			return true
		}
	}
	return false
}

// sameStatus tells whether there is nothing to write.
func sameStatus(a, b *v1alpha1.DatastoreStatus) bool { return equality.Semantic.DeepEqual(a, b) }
