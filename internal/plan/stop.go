// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"github.com/quorate/quorate/internal/engine"
)

// stop plans the way down of a set that shall not run: the leadership goes to
// the first member, so that it moves once and not with each pod, and then the
// pods go, the highest ordinal first, each when the one before is gone, see
// running. Nobody leaves the membership, and no claim goes.
//
// It is not held up where the leadership cannot be moved: the user asked for
// the set to be down, and each server hands over what it leads as it ends.
func (p *draft) stop() {
	for _, s := range p.engine.Plan(p.desired(), p.seen) {
		if s.Kind != engine.StepStepDown {
			continue
		}
		c := candidate{step: s}
		if _, blocked := p.refusal(c); !blocked {
			p.admit(c)
			return
		}
	}
}

// firstRunning is the member that leads to the last while the set is stopped;
// empty where it cannot.
func (p *draft) firstRunning() string {
	for _, m := range p.state.Members {
		if m.Pod != nil && !m.Pod.Terminating {
			if p.healthyVoter(m.Name) != nil {
				return m.Name
			}
			return ""
		}
	}
	return ""
}

// running is how many pods there shall be, of so many members. A set that has
// not formed has nothing to be stopped once it was let form, and nothing to be
// started before.
func (p *draft) running(members int32) int32 {
	if p.ledger.Abandoned {
		return 0
	}
	if !p.state.Wanted.Stopped || !p.ledger.Formed && p.ledger.FormationSize > 0 {
		return members
	}
	// Who stops on a claim that is being deleted would come back without its data.
	top, busy := int32(0), p.moving() || len(p.vanishingServers()) > 0
	for _, m := range p.state.Members {
		if !p.ledger.Formed && p.unexplained(m) {
			return members
		}
		if m.Pod != nil {
			top, busy = m.Ordinal+1, busy || m.Pod.Terminating
		}
	}
	switch {
	case p.state.Set == nil:
		return 0
	case busy:
		return p.state.Set.Replicas
	default:
		return max(0, min(p.state.Set.Replicas, top)-1)
	}
}

// moving tells whether the leadership is being moved.
func (p *draft) moving() bool {
	for _, a := range p.out.Asks {
		if a.Kind() == engine.StepStepDown {
			return true
		}
	}
	return false
}
