// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Formed tells whether any member reports that it holds the state of a set.
func (o Observation) Formed() bool {
	return slices.ContainsFunc(o.Members, func(m MemberObservation) bool { return m.Report != nil && m.Report.Server.Formed })
}

// Lead returns the member that leads in the highest term with its report, or
// why there is none: two that claim one term cancel each other out.
func (o Observation) Lead() (name string, lead *Report, why string) {
	second := ""
	for _, m := range o.Members {
		if m.Report == nil || !m.Report.Server.Running || !m.Report.Server.Leader {
			continue
		}
		switch term := m.Report.Server.Term; {
		case lead == nil || term > lead.Server.Term:
			name, lead, second = m.Name, m.Report, ""
		case term == lead.Server.Term:
			second = m.Name
		}
	}
	if second != "" {
		return "", nil, fmt.Sprintf("both %s and %s report that they lead", name, second)
	}
	if lead == nil {
		return "", nil, "no member reports that it leads"
	}
	return name, lead, ""
}

// Later returns a member of the view that has seen a term after the given.
func (o Observation) Later(view *View, term uint64) string {
	for _, m := range o.Members {
		if m.Report == nil || m.Report.Server.Term <= term {
			continue
		}
		if slices.ContainsFunc(view.Peers, func(p Peer) bool { return p.ID == m.Report.Server.ID }) {
			return m.Name
		}
	}
	return ""
}

// Report returns what the member of a name reports; nil for a silent one.
func (o Observation) Report(name string) *Report {
	for _, m := range o.Members {
		if m.Name == name {
			return m.Report
		}
	}
	return nil
}

// Serves tells whether the member of a peer's name says itself that it is this
// peer and serves. A leader notices a loss seconds late.
func (o Observation) Serves(p Peer) bool {
	r := o.Report(p.Name)
	return r != nil && r.Server.ID == p.ID && r.Server.Serving
}

// Runs tells whether a running member reports this identity as its own. Such a
// one is never lost.
func (o Observation) Runs(p Peer) bool {
	return slices.ContainsFunc(o.Members, func(m MemberObservation) bool {
		return m.Report != nil && m.Report.Server.Running && m.Report.Server.ID == p.ID
	})
}

// LostName returns the member whose identity is known to be lost.
func (d Desired) LostName(id string) string {
	for _, name := range slices.Sorted(maps.Keys(d.Lost)) {
		if slices.Contains(d.Lost[name], id) {
			return name
		}
	}
	return ""
}

// Heirs are the healthy voters among the peers that are named to lead and shall
// stay.
func (d Desired) Heirs(peers []Peer) []string {
	var out []string
	for _, p := range peers {
		if slices.Contains(d.Lead, p.Name) && d.Wants(p.Name) && p.Voter && p.Healthy {
			out = append(out, p.Name)
		}
	}
	return out
}

// OrdinalOf is the number at the end of a member's name, -1 if there is none.
func OrdinalOf(name string) int {
	n, err := strconv.Atoi(name[strings.LastIndex(name, "-")+1:])
	if err != nil {
		return -1
	}
	return n
}
