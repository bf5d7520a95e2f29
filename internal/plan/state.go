// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/layout"
)

// State is all that one pass observed of one datastore, and what is wanted.
type State struct {
	// Name of the datastore, and Racks the names that those of its members have in them;
	// without any, its members are Name-0, Name-1 and so on. In what
	// order members are let join is all that is planned by racks, see racksFilled.
	Name  string
	Racks []string
	// Wanted is what the specification says.
	Wanted Wanted
	// Ledger is nil where none exists.
	Ledger *Ledger
	// Retained is true where claims of this datastore exist; without a ledger
	// they mean that the ledger was lost.
	Retained bool
	// Set is the StatefulSet; nil where there is none.
	Set *Set
	// Handmade is one of the same name that was made by hand and may be taken over;
	// nil where there is none, or nobody asks for that.
	Handmade *Handmade
	// Budget is how many members others may evict; nil where nothing says so.
	Budget *Budget
	// Keys are those that the servers share, in the Secret; nil where the engine has
	// none, or the Secret was not read.
	Keys *Keys
	// Passwords are those that can be rotated, in the Secrets, by the key of the
	// credential; none that was not read.
	Passwords map[string]Keys
	// Accounts are those that the operator keeps; nil where it keeps none.
	Accounts *Accounts
	// AdoptedSecrets are the user's, which an adoption needs; nil where it needs none.
	AdoptedSecrets *AdoptedSecrets
	// Members are by ordinal, without gaps, up to the highest that is wanted,
	// in the StatefulSet, in the ledger, or has a pod or a claim.
	Members []Member
	// Epoch is the one that this manager holds; zero before it has taken over.
	Epoch int64
	// NewClusterID is used where a ledger is begun.
	NewClusterID string
}

// Wanted is what the specification asks for.
type Wanted struct {
	// Replicas is the number of members.
	Replicas int32
	// Template is the hash of the pod template rendered from the specification.
	Template string
	// Agent is the image of the agent; empty where any will do.
	Agent string
	// Refused is why the members must not get that template; nil where they may.
	Refused *Finding
	// AllowDowntime is true where planned work may cost a set of one or two
	// members its service.
	AllowDowntime bool
	// Files are those that a running server takes up without a restart.
	Files map[string]string
	// Stopped is true where no member shall run.
	Stopped bool
	// Adopts is true where a set that was made by hand is taken over: none is ever
	// formed in its place.
	Adopts bool
	// ClaimTemplate is what the names of the claims begin with.
	ClaimTemplate string
	// Adopted is what else spec.adopt says of the set; zero where there is none.
	Adopted Adopted
	// DeleteScaled is true where the claim of a member that is not wanted any
	// more goes once it has left.
	DeleteScaled bool
	// DeleteLost is true where the claim of a lost member goes unasked.
	DeleteLost bool
	// Approved is what else the user agreed to. Unreadable says why that cannot
	// be read; empty where it can.
	Approved   []v1alpha1.Approval
	Unreadable string
	// Lead is the member that shall lead, once; empty where any may.
	Lead string
	// Rotate is what the user asks to be rotated. RotateUnreadable says why that
	// cannot be read; empty where it can.
	Rotate           v1alpha1.Rotation
	RotateUnreadable string
}

// Set is a StatefulSet as it was observed, or several that have the members by turns.
type Set struct {
	Replicas int32
	// Racks is how many it is, one for each rack; 0 where there are no racks.
	Racks int32
	// Template is the hash of its pod template.
	Template string
	// Agent is the image of init container and agent in the template.
	Agent string
	// Settled is true once its controller has seen the present template: a pod
	// that is made now has it.
	Settled bool
}

// Member is one ordinal's pod, claim and agent.
type Member struct {
	Name    string
	Ordinal int32
	// Address is the stable one, where the engine has that trait.
	Address string
	// Pod is nil where the API server has none.
	Pod *Pod
	// Claim is nil where the API server has none.
	Claim *Claim
	// Report is nil where the agent is silent; then nothing is known of the
	// server (law 2).
	Report *engine.Report
}

// Pod is what the planner needs of a pod.
type Pod struct {
	UID string
	// Template is the hash of the template that it was made from.
	Template string
	// Agent is the image of its agent, and AgentSettled true once that one runs.
	Agent        string
	AgentSettled bool
	// AgentDown is the image of the agent, or of the init container before it, where
	// the kubelet says that it cannot start; empty where both can.
	AgentDown string
	// Started is true once the server's container has run in it. One that was made
	// by hand counts as if it had.
	Started bool
	// Handmade is true where it has no agent, since it was made by hand.
	Handmade bool
	// Ready is the kubelet's word.
	Ready bool
	// Terminating is true once it was deleted.
	Terminating bool
	// Stuck names why it cannot get on by itself (for instance
	// ImagePullBackOff); empty where it can.
	Stuck string
	// BurnedIn is true once its server has run for so long that what cannot be
	// undone may be done.
	BurnedIn bool
	// Failed says why it is given up that it will ever serve as it is: it has
	// been stuck for long, or its server has run for long and is not ready. Empty
	// where it is not.
	Failed string
}

// Claim is what the planner needs of a claim.
type Claim struct {
	UID         string
	Terminating bool
	// Predates is true where it was made before the ledger, so that its volume
	// may hold the data of a set that the ledger does not know.
	Predates bool
	// Stranded says why no node is left that its volume can be used on; empty
	// where there may be one.
	Stranded string
}

// MemberName returns the name of an ordinal's member, which is its pod's.
func (s State) MemberName(ordinal int32) string { return s.layout().Member(ordinal) }

// owns tells whether a name is one that a member of this datastore can have.
func (s State) owns(name string) bool {
	_, ok := s.layout().Number(name)
	return ok
}

func (s State) layout() layout.Layout { return layout.New(s.Name, s.Racks...) }

// member returns the member of a name, or nil.
func (s State) member(name string) *Member {
	for i := range s.Members {
		if s.Members[i].Name == name {
			return &s.Members[i]
		}
	}
	return nil
}

// observation is what the engine gets to see. Reports of another pod or
// another set are left out: they are not this datastore's (law 9).
func (s State) observation() engine.Observation {
	var out engine.Observation
	for _, m := range s.Members {
		out.Members = append(out.Members, engine.MemberObservation{
			Name:     m.Name,
			Ordinal:  int(m.Ordinal),
			Rack:     s.layout().Rack(m.Ordinal),
			Address:  m.Address,
			PodReady: m.Pod != nil && m.Pod.Ready,
			Report:   s.trusted(m),
		})
	}
	return out
}

// trusted returns a member's report if it is of the pod that the API server
// shows and of this set, where the volume bears a marker or its server knows of
// one; else nil.
func (s State) trusted(m Member) *engine.Report {
	if m.Report == nil || m.Pod == nil || m.Report.PodUID != m.Pod.UID || m.Report.Member != m.Name {
		return nil
	}
	if m.Report.Volume == engine.VolumeForeign {
		return nil
	}
	if s.Ledger != nil && m.Report.ClusterID != "" && m.Report.ClusterID != s.Ledger.ClusterID {
		return nil
	}
	if s.ofAnotherSet(m) {
		return nil
	}
	return m.Report
}

// ofAnotherSet tells whether a member's server holds the state of a set that is
// not the one which formed here, whatever the marker says.
func (s State) ofAnotherSet(m Member) bool {
	return s.Ledger != nil && s.Ledger.SetID != "" && m.Report != nil && m.Report.Server.Set != "" && m.Report.Server.Set != s.Ledger.SetID
}

// held tells whether the agent reports an empty volume behind a closed gate.
func (s State) held(m Member) bool {
	r := s.trusted(m)
	return r != nil && !r.Released && (r.Volume == engine.VolumeEmpty || r.Volume == engine.VolumeLeaving)
}

// costless tells whether replacing the member's pod takes no running server
// away: its container never started, or its agent reports that the server
// does not run and the kubelet that it cannot get on.
func (s State) costless(m Member) bool {
	if m.Pod == nil || !m.Pod.Started {
		return true
	}
	r := s.trusted(m)
	return m.Pod.Stuck != "" && r != nil && !r.Server.Running
}
