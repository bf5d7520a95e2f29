// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import "slices"

// Desired is the membership that the core wants now. It moves towards the
// specification one member at a time and may differ from it on the way.
type Desired struct {
	// Members are the names that shall be members, by ordinal.
	Members []string
	// Lost are identities, by member name, whose volume is known to be gone;
	// these may be evicted.
	Lost map[string][]string
	// Lead are the members that may lead now; empty where any may. Where another
	// one leads, the engine plans a StepDown in favour of these.
	Lead []string
	// BurnedIn is true once every wanted member has run for a while with what is
	// wanted now: what cannot be undone may then be done.
	BurnedIn bool
}

// MayLead tells whether a member may lead now.
func (d Desired) MayLead(name string) bool {
	return len(d.Lead) == 0 || slices.Contains(d.Lead, name)
}

// Wants tells whether a name shall be a member.
func (d Desired) Wants(name string) bool {
	for _, m := range d.Members {
		if m == name {
			return true
		}
	}
	return false
}

// Observation is what one pass saw of all members.
type Observation struct {
	Members []MemberObservation
}

// MemberObservation is what one pass saw of one member.
type MemberObservation struct {
	Name string
	// Ordinal is the member's number among all, and Rack where it is; empty where there
	// are no racks. With them the number is not the one that ends the name.
	Ordinal int
	Rack    string
	// Address is the stable one, where the engine has that trait.
	Address string
	// PodReady is what the kubelet says of the pod.
	PodReady bool
	// Report is nil for a silent member, of which nothing is known.
	Report *Report
}

// Assessment is what an engine can prove from one observation.
type Assessment struct {
	// Known is true when the membership was read from a quorum. Nothing is
	// removed, evicted or shrunk without it (law 2).
	Known bool
	// Formed is true when any server holds the state of a formed set.
	Formed bool
	// Serving is true when a quorum serves now.
	Serving bool
	// Usable is true when clients can use the set: serving, and bootstrapped.
	Usable bool
	// Term is the highest that a leader reported.
	Term uint64
	// Leader is the name of the member that leads, if any does.
	Leader string
	// Peers are all identities in the membership, sorted by name, then ID.
	Peers []Peer
	// Tolerance is how many members may fail now without loss of service,
	// counted from healthy voters, never above the engine's own figure.
	Tolerance int
	// Why says in a sentence what is not known or not serving.
	Why string
}

// PeersNamed returns the identities under a member's name.
func (a Assessment) PeersNamed(name string) []Peer {
	var out []Peer
	for _, p := range a.Peers {
		if p.Name == name {
			out = append(out, p)
		}
	}
	return out
}

// Has tells whether an identity is in the membership, under whatever name.
func (a Assessment) Has(id string) bool {
	return slices.ContainsFunc(a.Peers, func(p Peer) bool { return p.ID == id })
}

// Voters counts the voters, and those of them that are healthy.
func (a Assessment) Voters() (voters, healthy int) {
	for _, p := range a.Peers {
		if !p.Voter {
			continue
		}
		voters++
		if p.Healthy {
			healthy++
		}
	}
	return voters, healthy
}
