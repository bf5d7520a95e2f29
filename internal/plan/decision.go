// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"github.com/quorate/quorate/internal/engine"
)

// Decision is what to do now, in the order of its fields.
type Decision struct {
	// Ledger is what the ledger shall say before anything else is done.
	Ledger *Ledger
	// Budget is how many members others may evict from now on; nil where there is
	// to be none yet.
	Budget *Budget
	// Shape is that of the StatefulSet.
	Shape Shape
	// TakeOver is done before there is a StatefulSet of ours, where the members were
	// made by hand; nil where they were not, or that is done.
	TakeOver *TakeOver
	// Dissolve is what is deleted of a set that was given up, and then nothing else
	// is done; empty where nothing is.
	Dissolve Dissolution
	// DeleteClaims are claims to delete, which the ledger says are doomed.
	DeleteClaims []ClaimRef
	// Replace are pods to delete so that they are made anew. At most one of them
	// has a server that runs, and then nothing disruptive is asked for; all may, in
	// a recovery.
	Replace []PodRef
	// WriteKey is the change of the Secret by which a key is rotated, or a password;
	// empty where there is none to be made. KeyOf is the key of that credential.
	WriteKey engine.KeyPhase
	KeyOf    string
	// EmptyAccounts are accounts that are gone, whose Secrets are to hold nothing.
	EmptyAccounts []string
	// UpgradeAgents are pods that get the present image of the agent, in place; at
	// most one of those whose agent runs.
	UpgradeAgents []PodRef
	// Asks are what the agents are asked for; at most one is disruptive.
	Asks []Ask
	// Plan is for status.plan.
	Plan Summary
	// Stalled is set where a person must act.
	Stalled *Finding
	// Assessment is what the engine made of the observation.
	Assessment engine.Assessment
	// Pending says why the running pods differ from the specification; nil
	// where they do not.
	Pending *Finding
}

// Shape of the StatefulSet.
type Shape struct {
	Replicas int32
	// Members is how many ordinals are somebody's, with a pod or without: where
	// the set is stopped, more than Replicas.
	Members int32
	// WriteTemplate is true where the template of the specification may be
	// written now; else the StatefulSet keeps the one it has.
	WriteTemplate bool
	// Proven is true where every member runs with the StatefulSet's template and
	// is a healthy voter, so that it is the one to go back to.
	Proven bool
	// Restore is true where the last proven template is put back.
	Restore bool
}

// PodRef names a pod by its UID, so that no other is deleted.
type PodRef struct {
	Name, UID string
	// Force is true where its node is gone, so that nobody else would end it.
	Force bool
}

// Ask is one action asked of one agent.
type Ask struct {
	// Member and PodUID are whose agent.
	Member, PodUID string
	// Exactly one of the two is set.
	Grant *engine.Grant
	Step  *engine.Step
}

// Kind of step that is asked for.
func (a Ask) Kind() engine.StepKind {
	if a.Grant != nil {
		return engine.StepGrant
	}
	return a.Step.Kind
}

// Summary is the next action and why, or what blocks it.
type Summary struct {
	Action engine.StepKind
	Member string
	Why    string
	// BlockedBy is the name of the guard that holds it back, Message its reason.
	BlockedBy string
	Message   string
}

// Finding is a documented reason with its message.
type Finding struct {
	Reason, Message string
}
