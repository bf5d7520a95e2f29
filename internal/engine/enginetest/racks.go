// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"github.com/quorate/quorate/internal/layout"
	"github.com/quorate/quorate/internal/plan"
)

// With racks there are two StatefulSets, which have the members by turns. Each is written
// by an effect of its own, so that a manager can die, linger or be replaced between the
// two. The names of members stay as they are without racks: the planner does not look
// into them.

// twoRacks tells which member is whose.
var twoRacks = layout.New(Datastore, "a", "b")

// kubeSet is what the manager reads and writes of the StatefulSet, or of both.
type kubeSet struct {
	// rackSet is the only one, or the first.
	rackSet
	second rackSet
	// parted is true where there are racks.
	parted bool
	proven Template // one more than the last one that all members ran with; 0 for none
}

// rackSet is one StatefulSet.
type rackSet struct {
	exists   bool
	replicas int8
	template Template
	epoch    int8 // of the manager that wrote it last
}

// of returns the one that a member is in, and its number there.
func (s kubeSet) of(i int) (rackSet, int8) {
	switch {
	case !s.parted:
		return s.rackSet, int8(i)
	case i%2 == 0:
		return s.rackSet, int8(i / 2)
	}
	return s.second, int8(i / 2)
}

// wants tells whether there is to be a pod of a member.
func (s kubeSet) wants(i int) bool {
	part, ordinal := s.of(i)
	return part.exists && ordinal < part.replicas
}

// some tells whether any is there, and lead returns the first that is.
func (s kubeSet) some() bool { return s.exists || s.second.exists }

func (s kubeSet) lead() rackSet {
	if s.exists {
		return s.rackSet
	}
	return s.second
}

// span is up to the highest member that there may be a pod of.
func (s kubeSet) span() int {
	if !s.parted {
		return int(s.replicas)
	}
	return int(twoRacks.Span([]int32{int32(s.replicas), int32(s.second.replicas)}))
}

// fold is what the planner knows of it, as the manager's own does it.
func (s kubeSet) fold() *plan.Set {
	if !s.some() {
		return nil
	}
	lead := s.lead()
	alike := !s.parted || s.exists && s.second.exists && s.second.template == lead.template
	return &plan.Set{Replicas: int32(s.span()), Template: lead.template.String(), Settled: alike}
}

// sized is the same with so many members.
func (s kubeSet) sized(members int32) kubeSet {
	s.replicas = int8(members)
	if s.parted {
		sizes := twoRacks.Sizes(members)
		s.replicas, s.second.replicas = int8(sizes[0]), int8(sizes[1])
	}
	return s
}

// written is the same with one or the other as it is in another.
func (s kubeSet) written(part int, as kubeSet) kubeSet {
	if part == 0 {
		s.rackSet, s.proven = as.rackSet, as.proven
	} else {
		s.second = as.second
	}
	return s
}
