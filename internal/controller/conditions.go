// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/plan"
	"github.com/quorate/quorate/internal/resource"
)

// findings are what one pass came to know, as the conditions need it. All of
// it was observed or decided in that pass; nothing is taken from the status
// before.
type findings struct {
	datastore *v1alpha1.Datastore
	quorum    func(int) int
	// decided is set once the pass has observed and planned; without it the
	// rest says nothing about the members.
	decided bool
	state   plan.State
	// ledger is the one that is stored, nil where there is none; the decision's
	// may never have been.
	ledger   *plan.Ledger
	decision plan.Decision
	// blocked is what ended the pass early and a person must mend: a foreign
	// object, a refused setting. Nil where the pass went through.
	blocked *plan.Finding
	// volumes is how far the claims are on their way to their size.
	volumes volumes
	// renewing says how far certificates are on their way to being renewed; empty
	// where none is.
	renewing string
	// waiting says what goes by itself and is waited for before anything is
	// done; empty where nothing is.
	waiting string
	// moved are the steps that an agent did not begin, because its server is not
	// any more what they were planned for.
	moved []complaint
	// failure is an error that will be tried again.
	failure error
}

// verdict is a condition without its bookkeeping.
type verdict struct {
	status  metav1.ConditionStatus
	reason  string
	message string
}

func yes(reason, message string) verdict    { return verdict{metav1.ConditionTrue, reason, message} }
func no(reason, message string) verdict     { return verdict{metav1.ConditionFalse, reason, message} }
func unsure(reason, message string) verdict { return verdict{metav1.ConditionUnknown, reason, message} }

// judges are the conditions in the order in which they are shown.
var judges = []struct {
	condition string
	judge     func(*findings) verdict
}{
	{v1alpha1.ConditionReady, ready},
	{v1alpha1.ConditionFormed, formed},
	{v1alpha1.ConditionDegraded, degraded},
	{v1alpha1.ConditionReconciling, reconciling},
	{v1alpha1.ConditionStalled, stalled},
}

// ready is true while every wanted member serves with its vote and clients can
// use the set; unknown while the set has formed and no member reports.
func ready(f *findings) verdict {
	total := len(f.wanted())
	if s := stalled(f); s.status == metav1.ConditionTrue && !f.formed() {
		return no(s.reason, s.message)
	}
	if f.stopped() {
		return no(v1alpha1.ReasonStopped, "spec.stopped is true; "+stopping(f).message)
	}
	if !f.formed() {
		return no(v1alpha1.ReasonForming, fmt.Sprintf("%d of %d members have reported; the set has not formed yet", f.heard(), total))
	}
	if s := f.decision.Stalled; s != nil && s.Reason == v1alpha1.ReasonDataLost {
		return no(s.Reason, s.Message)
	}
	if f.adopting() {
		return unsure(v1alpha1.ReasonAdopting, "the set serves as it did before, as far as the kubelet can tell; it is known once its members are taken over")
	}
	if f.heard() == 0 {
		return unsure(v1alpha1.ReasonMembersSilent, "no member reports to the operator, so nothing is known of the set")
	}
	if f.withoutQuorum() {
		return no(v1alpha1.ReasonQuorumLost, f.decision.Assessment.Why)
	}
	if missing := f.unready(); len(missing) > 0 {
		return no(v1alpha1.ReasonMembersNotReady, fmt.Sprintf("%d of %d members are ready; waiting for %s", total-len(missing), total, strings.Join(missing, ", ")))
	}
	if !f.decision.Assessment.Usable {
		return no(v1alpha1.ReasonForming, "the members serve; waiting until clients can use the set: "+f.decision.Assessment.Why)
	}
	return yes(v1alpha1.ReasonAllMembersReady, fmt.Sprintf("all %d members serve", total))
}

// formed is true from the first evidence of a formed set on, for good; unknown
// where a formation was begun and its outcome cannot be told.
func formed(f *findings) verdict {
	switch s := f.decision.Stalled; {
	case f.formed():
		return yes(v1alpha1.ReasonFormed, "the set has formed as cluster "+f.decision.Ledger.ClusterID)
	case s != nil && (s.Reason == v1alpha1.ReasonFormationUncertain || s.Reason == v1alpha1.ReasonLedgerLost):
		return unsure(s.Reason, s.Message)
	default:
		return no(v1alpha1.ReasonNotFormed, "the set has not formed yet")
	}
}

// degraded is true while a formed set serves no more, or tolerates fewer
// failures than a set of its members would with all of them healthy. What its
// members complain of is told whatever they tolerate.
func degraded(f *findings) verdict {
	if !f.formed() {
		return no(v1alpha1.ReasonNotFormed, "the set has not formed yet")
	}
	return tolerance(f).with(f.problems())
}

func tolerance(f *findings) verdict {
	if f.stopped() {
		return no(v1alpha1.ReasonStopped, "spec.stopped is true; the set is not meant to serve")
	}
	a, full := f.decision.Assessment, f.fullTolerance()
	switch {
	case f.adopting():
		return unsure(v1alpha1.ReasonAdopting, "the members are being taken over")
	case f.decision.Stalled != nil && f.decision.Stalled.Reason == v1alpha1.ReasonDataLost:
		return yes(v1alpha1.ReasonDataLost, f.decision.Stalled.Message)
	case f.withoutQuorum():
		return yes(v1alpha1.ReasonQuorumLost, a.Why)
	case !a.Known:
		return unsure(v1alpha1.ReasonMembersSilent, a.Why)
	case a.Tolerance < full:
		return yes(v1alpha1.ReasonToleranceReduced, fmt.Sprintf("%d more members may fail, and %d when all are healthy voters", a.Tolerance, full))
	default:
		return no(v1alpha1.ReasonFullTolerance, fmt.Sprintf("%d members may fail without loss of service", a.Tolerance))
	}
}

// reconciling is true while something is to be done that needs no person. Then
// it also tells what the members complain of, and which action failed.
func reconciling(f *findings) verdict {
	v := progress(f)
	if v.status != metav1.ConditionTrue {
		return v
	}
	return v.with(append(f.failures(), f.problems()...))
}

func progress(f *findings) verdict {
	switch {
	case f.datastore.Spec.Paused:
		return no(v1alpha1.ReasonPaused, "spec.paused is true; nothing is changed")
	case stalled(f).status == metav1.ConditionTrue:
		return no(v1alpha1.ReasonBlocked, "nothing goes on until the cause of Stalled is mended")
	case f.failure != nil:
		return yes(v1alpha1.ReasonBlocked, "will be tried again: "+head(printable(f.failure.Error()), maxFailure))
	case f.waiting != "":
		return yes(v1alpha1.ReasonBlocked, "waiting: "+f.waiting)
	case f.decision.Plan.Action == engine.StepStartEmpty:
		return yes(v1alpha1.ReasonActing, f.decision.Plan.Why)
	case f.stopped():
		return stopping(f)
	case !f.formed():
		return yes(v1alpha1.ReasonForming, orElse(f.decision.Plan.Message, f.decision.Plan.Why))
	default:
		return underWay(f)
	}
}

// stopped tells whether no member shall run. A set that was let form forms first.
func (f *findings) stopped() bool {
	l := f.decision.Ledger
	return f.state.Wanted.Stopped && !f.adopting() && (f.formed() || l != nil && l.FormationSize == 0)
}

// stopping is true while a member of a stopped set still has a pod.
func stopping(f *findings) verdict {
	pods := 0
	for _, m := range f.state.Members {
		if m.Pod != nil {
			pods++
		}
	}
	if pods > 0 {
		return yes(v1alpha1.ReasonStopping, fmt.Sprintf("%d members still have a pod; they go one at a time, the first one last", pods))
	}
	return no(v1alpha1.ReasonStopped, "no member runs; claims, ledger and credentials are kept")
}

// underWay says what a formed set is on its way to, if anything.
func underWay(f *findings) verdict {
	p := f.decision.Plan
	switch {
	case p.BlockedBy != "":
		return yes(v1alpha1.ReasonBlocked, fmt.Sprintf("%s of %s waits (%s): %s", p.Action, p.Member, p.BlockedBy, p.Message))
	case f.scaling():
		return yes(v1alpha1.ReasonScaling, orElse(p.Why, fmt.Sprintf("towards %d members", len(f.wanted()))))
	case f.doing() != "":
		return yes(f.doing(), p.Why)
	case len(f.decision.Replace) > 0:
		return yes(v1alpha1.ReasonReplacingPod, "replacing "+f.decision.Replace[0].Name+", which could not start")
	case p.Action != "":
		return yes(v1alpha1.ReasonActing, p.Why)
	case f.decision.Pending != nil:
		return yes(f.decision.Pending.Reason, f.decision.Pending.Message)
	case f.volumes.growing != "":
		return yes(v1alpha1.ReasonExpandingVolumes, f.volumes.growing)
	case f.renewing != "":
		return yes(v1alpha1.ReasonRotatingCertificates, f.renewing)
	case len(f.unready()) > 0:
		return yes(v1alpha1.ReasonMembersNotReady, "waiting for "+strings.Join(f.unready(), ", "))
	default:
		return no(v1alpha1.ReasonUpToDate, "the members are as the specification says")
	}
}

// doing is the reason of an action that has one of its own; empty where it has
// none.
func (f *findings) doing() string {
	switch f.decision.Plan.Action {
	case engine.StepAdopt:
		return v1alpha1.ReasonAdopting
	case engine.StepReplacePod:
		return v1alpha1.ReasonRollingOut
	case engine.StepReload:
		return v1alpha1.ReasonReloading
	case engine.StepRotateKey:
		return v1alpha1.ReasonRotatingKey
	case engine.StepStepDown:
		if f.state.Wanted.Lead != "" {
			return v1alpha1.ReasonSwitchingOver
		}
	}
	return ""
}

// stalled is true while nothing goes on until a person does something.
func stalled(f *findings) verdict {
	switch {
	case f.datastore.Spec.Paused:
		return no(v1alpha1.ReasonPaused, "spec.paused is true; nothing is changed")
	case f.blocked != nil:
		return yes(f.blocked.Reason, f.blocked.Message)
	case f.decision.Stalled != nil:
		return yes(f.decision.Stalled.Reason, f.decision.Stalled.Message)
	case len(f.full()) > 0:
		return yes(v1alpha1.ReasonVolumeFull, fmt.Sprintf("there is next to no room left on %s; raise spec.storage.size, which is given while servers run or are down, or make room%s",
			strings.Join(f.full(), ", "), f.volumes.also()))
	}
	for _, m := range f.wanted() {
		if m.Pod != nil && !m.Pod.Ready && m.Pod.Stuck != "" {
			return yes(v1alpha1.ReasonPodStuck, fmt.Sprintf("%s cannot start: %s; correct spec.image, spec.version, spec.config, spec.pod or spec.resources, or what it names outside, and it goes on by itself%s",
				m.Name, m.Pod.Stuck, f.volumes.also()))
		}
	}
	if r := f.volumes.refused; r != nil {
		return yes(r.Reason, r.Message)
	}
	return no(v1alpha1.ReasonNotStalled, "nothing waits for a person")
}

// full names the claims of wanted members that have next to no room; none while they
// are being enlarged.
func (f *findings) full() []string {
	var out []string
	for _, m := range f.wanted() {
		if m.Report != nil && m.Report.VolumeFull && f.volumes.growing == "" {
			out = append(out, fmt.Sprintf("claim %s of %s", resource.ClaimName(f.datastore, m.Name), m.Name))
		}
	}
	return out
}

// adopting tells whether the members of a set that was made by hand are being taken
// over. Until all are, nobody may be there who could tell of the set.
func (f *findings) adopting() bool {
	return f.decision.Ledger != nil && f.decision.Ledger.Adoption != nil
}

func (f *findings) formed() bool {
	return f.decision.Ledger != nil && f.decision.Ledger.Formed
}

// wanted returns the members of the specification.
func (f *findings) wanted() []plan.Member {
	n := min(int(f.state.Wanted.Replicas), len(f.state.Members))
	return f.state.Members[:n]
}

// heard counts the wanted members whose agents report.
func (f *findings) heard() int {
	n := 0
	for _, m := range f.wanted() {
		if m.Report != nil {
			n++
		}
	}
	return n
}

// withoutQuorum tells whether the set is known to serve nobody: a quorum's word
// says so, or every member was heard and none leads. Where one is silent, it
// might lead.
func (f *findings) withoutQuorum() bool {
	a := f.decision.Assessment
	return a.Known && !a.Serving || !a.Known && a.Leader == "" && f.heard() == len(f.wanted())
}

// unready names the wanted members that do not serve with their vote.
func (f *findings) unready() []string {
	var out []string
	for _, m := range f.wanted() {
		if m.Pod == nil || !m.Pod.Ready || m.Pod.Terminating || !f.votes(m) {
			out = append(out, m.Name)
		}
	}
	return out
}

// votes tells whether a member has its vote, as far as the membership is known.
func (f *findings) votes(m plan.Member) bool {
	a := f.decision.Assessment
	if !a.Known {
		return true
	}
	q := livePeer(a, m)
	return q != nil && q.Full()
}

// livePeer returns the identity in the membership that the member's own server
// reports, or, where it is silent, the only one under its name.
func livePeer(a engine.Assessment, m plan.Member) *engine.Peer {
	named := a.PeersNamed(m.Name)
	for i := range named {
		if m.Report != nil && m.Report.Server.ID == named[i].ID {
			return &named[i]
		}
	}
	if m.Report == nil && len(named) == 1 {
		return &named[0]
	}
	return nil
}

// scaling tells whether the size of the StatefulSet or of the membership
// differs from what is wanted.
func (f *findings) scaling() bool {
	wanted := int(f.state.Wanted.Replicas)
	if f.decision.Shape.Members != f.state.Wanted.Replicas || f.state.Set == nil || f.state.Set.Replicas != f.state.Wanted.Replicas {
		return true
	}
	return f.decision.Assessment.Known && len(f.decision.Assessment.Peers) != wanted
}

// fullTolerance is the tolerance that the members of the ledger would have
// with all of them healthy.
func (f *findings) fullTolerance() int {
	n := 0
	for _, e := range f.decision.Ledger.Members {
		if !e.Leaving {
			n++
		}
	}
	if n == 0 {
		return 0
	}
	return n - f.quorum(n)
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
