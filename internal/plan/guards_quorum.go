// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"

	"github.com/quorate/quorate/internal/engine"
)

// quorumAfter counts the healthy voters that the step leaves.
func quorumAfter(p *draft, s engine.Step) string {
	if !s.Cost.Disruptive() {
		return ""
	}
	voters, healthy := after(p.out.Assessment, s)
	if need := p.traits.Quorum(voters); healthy < need {
		return fmt.Sprintf("it would leave %d healthy voters of %d, and %d are needed", healthy, voters, need)
	}
	return ""
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
