// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"slices"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/plan"
)

// effects tell from what the members show what has become of an action; of a
// kind that is not among them the agent's word is taken.
var effects = map[engine.StepKind]func(*findings, deed) outcome{
	engine.StepGrant:        joined,
	engine.StepLeave:        left,
	engine.StepEvictDead:    evicted,
	engine.StepStepDown:     steppedDown,
	engine.StepReplacePod:   replaced,
	engine.StepUpgradeAgent: upgraded,
	engine.StepRotateKey:    keyRotated,
	actionDiscardVolume:     claimDeleted,
}

// first is the outcome that is told where both were seen.
func first(done, dropped bool) outcome {
	switch {
	case done:
		return outcomeDone
	case dropped:
		return outcomeDropped
	}
	return ""
}

// joined looks whether a granted member was seen with its vote.
func joined(f *findings, a deed) outcome {
	e, granted := f.decision.Ledger.Members[a.member]
	return first(granted && e.Joined, !granted || e.Leaving)
}

// left looks whether the ledger has struck the member off: a leave that was
// begun is always completed.
func left(f *findings, a deed) outcome {
	e, granted := f.decision.Ledger.Members[a.member]
	return first(!granted || !e.Leaving, false)
}

func evicted(f *findings, a deed) outcome {
	known := f.decision.Assessment.Known
	return first(known && !f.decision.Assessment.Has(a.of), known && !f.asks(a))
}

func steppedDown(f *findings, a deed) outcome {
	now := f.decision.Assessment
	return first(now.Leader != "" && now.Leader != a.member, now.Known && !f.asks(a))
}

func claimDeleted(f *findings, a deed) outcome {
	m := f.member(a.member)
	return first(m == nil || m.Claim == nil || m.Claim.UID != a.of, false)
}

// replaced looks whether the pod that came after another serves with its vote.
// If it is to be replaced too, or nobody shall run there any more, nobody waits
// for it.
func replaced(f *findings, a deed) outcome {
	m := f.member(a.member)
	if m == nil || m.Ordinal >= f.state.Wanted.Replicas || f.stopped() {
		return outcomeDropped
	}
	if m.Pod == nil || m.Pod.UID == a.of {
		return ""
	}
	again := slices.ContainsFunc(f.decision.Replace, func(r plan.PodRef) bool { return r.UID == m.Pod.UID })
	return first(m.Pod.Ready && !m.Pod.Terminating && f.votes(*m), again)
}

// upgraded looks whether the agent has the image that it is to have, and
// reports.
func upgraded(f *findings, a deed) outcome {
	m := f.member(a.member)
	if m == nil || m.Pod == nil || m.Pod.UID != a.of {
		return outcomeDropped
	}
	return first(m.Pod.Agent == f.state.Wanted.Agent && m.Pod.AgentSettled && m.Report != nil, false)
}

// keyRotated looks whether the rotation is over, of which the agents are asked for
// one part after the other.
func keyRotated(f *findings, _ deed) outcome {
	return first(f.decision.Ledger.Rotation == nil, false)
}

// carriedOut goes by the agent's word, once the step is not asked for any more:
// what its effect looks like is the engine's to know. A member that is silent
// is still at it, for all that is known.
func carriedOut(f *findings, a deed) outcome {
	m := f.member(a.agent)
	if m == nil || m.Pod == nil || m.Pod.UID != a.podUID {
		return outcomeDropped
	}
	if m.Report == nil || f.asks(a) {
		return ""
	}
	r := reportOn(f, a)
	return first(r != nil && r.Done && r.Error == "", r == nil || r.Done)
}
