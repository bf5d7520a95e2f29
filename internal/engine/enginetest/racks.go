// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"slices"

	"github.com/quorate/quorate/internal/layout"
	"github.com/quorate/quorate/internal/plan"
)

// With racks there are several StatefulSets, which have the members by turns. Each is
// written by an effect of its own, so that a manager can die, linger or be replaced
// between two. The names of members stay as they are without racks: the planner does not
// look into them.

// mostRacks bounds the racks of a World.
const mostRacks = 3

// layouts tell which member is whose, by the number of racks.
var layouts = [mostRacks + 1]layout.Layout{2: layout.New(Datastore, "a", "b"), 3: layout.New(Datastore, "a", "b", "c")}

// kubeSet is what the manager reads and writes of the StatefulSet, or of all of them.
type kubeSet struct {
	// rackSet is the only one, or the first.
	rackSet
	others [mostRacks - 1]rackSet
	// racks is how many there are; 0 where there are none.
	racks  int8
	proven Template // one more than the last one that all members ran with; 0 for none
}

// rackSet is one StatefulSet.
type rackSet struct {
	exists   bool
	replicas int8
	template Template
	epoch    int8 // of the manager that wrote it last
}

// width is how many StatefulSets there are to be, and part one of them.
func (s kubeSet) width() int { return max(1, int(s.racks)) }

func (s kubeSet) part(i int) rackSet {
	if i == 0 {
		return s.rackSet
	}
	return s.others[i-1]
}

// wants tells whether there is to be a pod of a member.
func (s kubeSet) wants(i int) bool {
	part := s.part(i % s.width())
	return part.exists && i/s.width() < int(part.replicas)
}

// some tells whether any is there, and lead returns the first that is.
func (s kubeSet) some() bool { return s.lead().exists }

func (s kubeSet) lead() rackSet {
	for i := range s.width() {
		if part := s.part(i); part.exists {
			return part
		}
	}
	return s.rackSet
}

// span is up to the highest member that there may be a pod of.
func (s kubeSet) span() int {
	if s.racks == 0 {
		return int(s.replicas)
	}
	sizes := make([]int32, 0, mostRacks)
	for i := range s.width() {
		sizes = append(sizes, int32(s.part(i).replicas))
	}
	return int(layouts[s.racks].Span(sizes))
}

// fold is what the planner knows of it, as the manager's own does it.
func (s kubeSet) fold() *plan.Set {
	if !s.some() {
		return nil
	}
	out := &plan.Set{Replicas: int32(s.span()), Racks: int32(s.racks), Template: s.lead().template.String(), Settled: true}
	for i := range s.width() {
		part := s.part(i)
		out.Settled = out.Settled && part.exists && part.template == s.lead().template
	}
	return out
}

// sized is the same with so many members.
func (s kubeSet) sized(members int32) kubeSet {
	s.replicas = int8(members)
	if s.racks > 0 {
		for i, size := range layouts[s.racks].Sizes(members) {
			if i == 0 {
				s.replicas = int8(size)
			} else {
				s.others[i-1].replicas = int8(size)
			}
		}
	}
	return s
}

// written is the same with one of them as it is in another.
func (s kubeSet) written(part int, as kubeSet) kubeSet {
	if part == 0 {
		s.rackSet, s.proven = as.rackSet, as.proven
	} else {
		s.others[part-1] = as.others[part-1]
	}
	return s
}

// waitsForRack tells whether one that was let join cannot before another is in whom a
// grant lets join: that one is the first of its rack, and the first is not in a rack that
// is new, see the model of a ring.
func (w *World) waitsForRack(t Truth, about, other int, a plan.Ask) bool {
	return a.Grant != nil && w.set.racks > 0 && t.peers(other) == 0 && w.peopled(t, other) && !w.peopled(t, about)
}

// peopled tells whether the rack of a member has any.
func (w *World) peopled(t Truth, i int) bool {
	return slices.ContainsFunc(t.Peers, func(p TruePeer) bool { return p.Voter && (p.Member-i)%int(w.set.racks) == 0 })
}

// checkTurn asserts that none is let join a rack that has members while another one has
// none: the servers of a ring would not take it in.
func (w *World) checkTurn(p *pass, a plan.Ask) {
	t := w.model.Truth()
	if a.Grant == nil || w.set.racks == 0 || p.repeats(a) || !w.peopled(t, Ordinal(a.Member)) {
		return
	}
	for i := range min(w.set.racks, p.wanted.Replicas) {
		if !w.peopled(t, int(i)) {
			w.violate("racks: %s is let join while the rack of %s has no member", a.Member, Name(int(i)))
		}
	}
}
