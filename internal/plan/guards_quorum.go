// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"

	"github.com/quorate/quorate/internal/engine"
)

// quorumAfter counts the healthy voters that the step leaves.
func quorumAfter(p *draft, s engine.Step) string {
	if !disruptive(s) {
		return ""
	}
	voters, healthy := after(p.out.Assessment, s)
	need := p.traits.Quorum(voters)
	if healthy >= need || p.downtimeAllowed(s, voters) {
		return ""
	}
	return fmt.Sprintf("it would leave %d healthy voters of %d, and %d are needed", healthy, voters, need)
}

// downtimeAllowed tells whether the user said that a set too small to have any
// member to spare may be without service while one is restarted. That is no word
// on one that would come back without its data.
func (p *draft) downtimeAllowed(s engine.Step, voters int) bool {
	if m := p.state.member(s.About()); m != nil && p.vanishing(*m) {
		return false
	}
	return s.Kind == engine.StepReplacePod && voters <= 2 && p.state.Wanted.AllowDowntime
}

// after counts voters and healthy voters once the step is done. A joiner is
// counted as the healthy voter that it becomes: engines give the vote only to
// a member that has caught up.
func after(a engine.Assessment, s engine.Step) (voters, healthy int) {
	voters, healthy = a.Voters()
	switch s.Kind {
	case engine.StepGrant, engine.StepJoin:
		return voters + 1, healthy + 1
	case engine.StepLeave, engine.StepEvictDead, engine.StepDemote:
		for _, q := range a.Peers {
			if q.ID != s.SubjectID || !q.Voter {
				continue
			}
			voters--
			if q.Healthy {
				healthy--
			}
		}
		return voters, healthy
	default:
		return voters, healthy - s.Cost.Voters
	}
}
