// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package cassandra

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/quorate/quorate/internal/engine"
)

// The parameters of steps.
const (
	// ParamFactor is the replication factor to give to those of the operator's keyspaces
	// that have a smaller one, and ParamMost to those that have a larger one.
	ParamFactor = "factor"
	ParamMost   = "most"
	// ParamCleanup has a member remove the data that others took over.
	ParamCleanup = "cleanup"
	// ParamRepair has a member make the copies alike of what it is the first to have.
	ParamRepair = "repair"
)

// Plan lists, in this order:
//
//  1. Bootstrap, alone: the roles are made, by the first member.
//  2. EvictDead for each identity that is known to be lost, that nobody reports as its
//     own and whose heartbeat nobody at all hears: its data is streamed from the other
//     replicas first.
//  3. Configure: the operator's own keyspaces get the replication factor of the size,
//     one more or one fewer at a time. A larger one has to be there before a member
//     may be missed, a smaller one before a member can leave.
//  4. Leave for each member that is not wanted, the highest ordinal first; blocked
//     where fewer would stay than a keyspace of the users' has replicas, or one that
//     stays has no room for its share of the data. None of a lower ordinal begins to
//     leave before one that is blocked: it would hand its data to that one, too.
//  5. Configure: after a member was removed that was lost, each one makes the copies
//     alike of its part of the users' data, and then removes what those took over that
//     have joined; one member at a time, once nothing else is left that may be done.
//
// It does not:
//   - lower a replication factor of the users' keyspaces, and so does not shrink the
//     ring below it: they say how many copies there are. While that blocks a leave
//     it does not lower that of its own keyspaces either;
//   - evict an identity under a wanted name that merely differs from the one that its
//     member reports: only what is known to be lost goes;
//   - join: the grant is the join;
//   - evict one that was joining: it has no data of which there is no other copy, the
//     server does not know it as one to be removed, and the ring forgets it half a
//     minute after it was last heard.
func (e Engine) Plan(want engine.Desired, have engine.Observation) []engine.Step {
	a := e.Assess(have)
	if !a.Known {
		return bootstrap(have, a)
	}
	by := actor(a, have)
	if by == "" {
		return nil
	}
	out := evictions(want, a, have)
	leaves := leaves(want, a, have, have.Report(by))
	if param, factor := nextFactor(want, a, have.Report(by), held(leaves)); factor > 0 {
		return append(out, engine.Step{
			Kind: engine.StepConfigure, Member: by, Params: map[string]string{param: strconv.Itoa(factor)},
			Secrets: []string{CredentialAdmin}, Why: fmt.Sprintf("the roles are to be on %d members", factor),
		})
	}
	if out = append(out, leaves...); !slices.ContainsFunc(out, func(s engine.Step) bool { return s.Blocked == "" }) {
		out = append(out, upkeep(want, a, have)...)
	}
	return out
}

// bootstrap is planned while nobody can log in.
func bootstrap(have engine.Observation, a engine.Assessment) []engine.Step {
	if !a.Formed {
		return nil
	}
	for _, m := range have.Members {
		if m.Report != nil && m.Report.Server.Facts[FactRoles] == RolesReady {
			return nil
		}
	}
	for _, m := range have.Members {
		if m.Report != nil && m.Report.Server.Formed && m.Report.Grant == engine.GrantForm {
			return []engine.Step{{
				Kind: engine.StepBootstrap, Member: m.Name, Secrets: []string{CredentialAdmin, CredentialAgent},
				Why: "the ring has no roles of its own yet",
			}}
		}
	}
	return nil
}

// actor is a member that is asked for what any can do: the healthy one of the lowest
// ordinal.
func actor(a engine.Assessment, have engine.Observation) string {
	for _, p := range a.Peers {
		if p.Healthy && p.Voter && have.Report(p.Name) != nil {
			return p.Name
		}
	}
	return ""
}

func evictions(want engine.Desired, a engine.Assessment, have engine.Observation) (out []engine.Step) {
	for _, p := range a.Peers {
		if p.Healthy || !p.Voter || runs(have, p.ID) || want.LostName(p.ID) == "" {
			continue
		}
		for _, by := range a.Peers {
			if by.Healthy && by.Voter && by.ID != p.ID && by.Name != p.Name {
				out = append(out, engine.Step{
					Kind: engine.StepEvictDead, Member: by.Name, Subject: p.Name, SubjectID: p.ID,
					Cost: engine.Cost{Membership: true}, Why: "its volume is gone",
				})
				break
			}
		}
	}
	return out
}

// runs tells whether anybody says that the server of an identity runs: its own agent, or
// one other member that hears it, though the rest do not.
func runs(have engine.Observation, id string) bool {
	for _, m := range have.Members {
		if m.Report == nil {
			continue
		}
		s := m.Report.Server
		heard := s.View != nil && slices.ContainsFunc(s.View.Peers, func(p engine.Peer) bool { return p.ID == id && p.Healthy })
		if s.ID == id || heard {
			return true
		}
	}
	return false
}

// nextFactor is the next replication factor on the way to that of the members that
// stay, and the parameter for it; 0 where it is there, or is not known. It is lowered
// by one, and not for one that is to come again, nor while all who shall leave are held
// back.
func nextFactor(want engine.Desired, a engine.Assessment, r *engine.Report, held bool) (param string, next int) {
	if r.Server.Facts[FactFactor] == "" || r.Server.Facts[FactMost] == "" {
		return "", 0
	}
	stay := map[string]bool{}
	for _, p := range a.Peers {
		if p.Voter && want.Wants(p.Name) {
			stay[p.Name] = true
		}
	}
	least, most := fact(r, FactFactor), fact(r, FactMost)
	switch {
	case least < factor(max(1, len(stay))):
		return ParamFactor, least + 1
	case most > factor(len(want.Members)) && !held:
		return ParamMost, most - 1
	}
	return "", 0
}

func leaves(want engine.Desired, a engine.Assessment, have engine.Observation, r *engine.Report) (out []engine.Step) {
	held := ""
	for _, p := range slices.Backward(a.Peers) {
		if want.Wants(p.Name) || want.LostName(p.ID) != "" {
			continue
		}
		step := engine.Step{
			Kind: engine.StepLeave, Member: p.Name, SubjectID: p.ID, Cost: engine.Cost{Voters: 1, Membership: true}, Why: "it is not wanted",
		}
		if p.Voter {
			if !leaving(have, p) {
				step.Blocked = held
			}
			step.Blocked = cmp.Or(step.Blocked, shortOf(a, r), noRoom(want, a, have, p))
			held = cmp.Or(held, step.Blocked)
		} else {
			// It cannot say who it is, and has nothing that others have not.
			step.SubjectID, step.Cost.Voters, step.Why = "", 0, "it is joining, and not wanted any more"
		}
		out = append(out, step)
	}
	return out
}

// leaving tells whether a member gives its data away by its own word.
func leaving(have engine.Observation, p engine.Peer) bool {
	r := have.Report(p.Name)
	return r != nil && r.Server.Leaving
}

// held tells whether members with a full part are to leave, and none of them may.
func held(leaves []engine.Step) bool {
	blocked := false
	for _, s := range leaves {
		if s.Cost.Voters > 0 && s.Blocked == "" {
			return false
		}
		blocked = blocked || s.Blocked != ""
	}
	return blocked
}

// shortOf says which keyspace of the users' would have more replicas than there are
// members, if one left; empty where none would.
func shortOf(a engine.Assessment, r *engine.Report) string {
	if n := voters(a); n-1 < fact(r, FactData) {
		return fmt.Sprintf("the keyspace %s has a replication factor of %d, and %d members would stay: lower it first, or put replicas back",
			r.Server.Facts[FactKeyspace], fact(r, FactData), n-1)
	}
	return ""
}

func voters(a engine.Assessment) int {
	n, _ := a.Voters()
	return n
}

// upkeep is a repair or a cleanup, one at a time, while every wanted member is in the ring
// and well: they take much of a disk's time.
func upkeep(want engine.Desired, a engine.Assessment, have engine.Observation) []engine.Step {
	for _, name := range want.Members {
		if peers := a.PeersNamed(name); len(peers) != 1 || !peers[0].Voter || !peers[0].Healthy {
			return nil
		}
	}
	member, param, why := nextRepair(a, have), ParamRepair, "a member was lost, and a copy of what only it and one other had may be missing: the copies are made alike"
	if member == "" {
		member, param, why = withFact(a, have, FactCleanup, CleanupDue), ParamCleanup, "it still has data that others took over when they joined"
	}
	if member == "" {
		return nil
	}
	return []engine.Step{{Kind: engine.StepConfigure, Member: member, Params: map[string]string{param: "true"}, Why: why}}
}

// nextRepair is the next member to repair its part, while it is due for any. Each repairs
// what it is the first to have, so that all of them have to, also those that came later:
// these go first, since those that know that it is due forget it once they have.
func nextRepair(a engine.Assessment, have engine.Observation) string {
	due := withFact(a, have, FactRepair, RepairDue)
	if due == "" {
		return ""
	}
	for _, p := range a.Peers {
		if r := have.Report(p.Name); r != nil && r.Server.Facts[FactRepair] != RepairDue && r.Server.Facts[FactRepaired] != RepairDone {
			return p.Name
		}
	}
	return due
}

// withFact is the first member that reports a fact.
func withFact(a engine.Assessment, have engine.Observation, fact, value string) string {
	for _, p := range a.Peers {
		if r := have.Report(p.Name); r != nil && r.Server.Facts[fact] == value {
			return p.Name
		}
	}
	return ""
}
