// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package enginetest

import "fmt"

// Action is one thing that happens to a world.
type Action struct {
	Kind ActionKind
	// Member is whom it concerns; in passes, where they end: see endOfPass.
	Member uint8
	// Arg depends on the kind.
	Arg  uint8
	Move Move
	// Detour is true where it was not its turn.
	Detour bool
}

// ActionKind is a kind of action.
type ActionKind uint8

// What happens by itself, in the order of turns; then faults and their ends.
const (
	actEvicted ActionKind = iota
	actEndPod
	actTerminate
	actCreate
	actBoot
	actMount
	actStart
	actSee
	actFinish
	actMarkFormed
	actPrepare
	actMove
	actPass       // a whole pass
	actResume     // the lingering pass goes on to its end
	actResumeOld  // that of the manager that was replaced goes on
	actPassCrash  // a pass ends after Member effects, and the manager with it
	actPassLinger // a pass halts after Member effects
	actCrashHeld  // the manager ends while its pass lingers
	actTakeover
	actDeletePod
	actEvict
	actLoseClaim
	actDoomClaim
	actRemakeClaim
	actKill
	actSilence
	actHear
	actSlow
	actKeepUp
	actGarble
	actClear
	actStale
	actCurrent
	actChange
	actLoseNode
	actNodeBack
)

var actionNames = map[ActionKind]string{
	actEndPod: "pod ends", actTerminate: "set scales pod down", actCreate: "set creates pod", actBoot: "agent starts", actMount: "Secret mounted", actStart: "server starts",
	actFinish: "agent ends leave", actSee: "budget is seen", actEvict: "eviction let pass", actEvicted: "pod evicted", actMarkFormed: "agent marks formed", actPrepare: "agent prepares the data", actMove: "servers", actPass: "pass", actResume: "pass goes on",
	actResumeOld: "old manager goes on", actPassCrash: "pass, crash after effect", actPassLinger: "pass, lingers after effect",
	actCrashHeld: "manager crashes", actTakeover: "another manager", actDeletePod: "pod deleted", actLoseClaim: "claim and pod deleted", actDoomClaim: "claim deleted", actRemakeClaim: "claim made anew over its volume",
	actKill: "server killed", actSilence: "agent silent", actHear: "agent heard", actSlow: "kubelet mounts nothing new", actKeepUp: "kubelet keeps up", actGarble: "report garbled", actClear: "report clear",
	actStale: "report taken", actCurrent: "report current", actChange: "specification changed",
	actLoseNode: "node lost", actNodeBack: "node back",
}

func (a Action) String() string {
	switch a.Kind {
	case actMove:
		return fmt.Sprintf("servers: move %d of %d, %d", a.Move.Kind, a.Move.A, a.Move.B)
	case actChange:
		return fmt.Sprintf("%s to alternative %d", actionNames[a.Kind], a.Arg)
	case actGarble:
		return fmt.Sprintf("%s %d, kind %d", actionNames[a.Kind], a.Member, a.Arg)
	default:
		return fmt.Sprintf("%s %d", actionNames[a.Kind], a.Member)
	}
}

// progress lists what may happen by itself, in the order of turns.
func (w *World) progress(out []Action) []Action {
	for _, rule := range ownRules {
		for i := range w.sc.Members {
			if rule.can(w, i) {
				out = append(out, Action{Kind: rule.kind, Member: uint8(i)})
			}
		}
	}
	for _, m := range w.model.Moves() {
		if !m.Adverse {
			out = append(out, Action{Kind: actMove, Move: m})
		}
	}
	return out
}

var ownRules = []struct {
	kind ActionKind
	can  func(*World, int) bool
	do   func(*World, int)
}{
	{actEvicted, func(w *World, i int) bool { return int(w.budget.approved) == i+1 }, (*World).evict},
	{actEndPod, (*World).canEnd, (*World).endPod},
	{actTerminate, (*World).canTerminate, (*World).deletePod},
	{actCreate, (*World).canCreate, (*World).create},
	{actBoot, (*World).canBoot, (*World).boot},
	{actMount, (*World).canMount, (*World).mount},
	{actStart, (*World).canStart, (*World).start},
	{actSee, func(w *World, i int) bool { return i == 0 && w.budget.exists && !w.budget.seen }, func(w *World, _ int) { w.budget.seen = true }},
	{actFinish, (*World).canFinish, func(w *World, i int) { w.members[i].leaving = false }},
	{actPrepare, (*World).canPrepare, (*World).prepare},
	{actMarkFormed, (*World).canMarkFormed, func(w *World, i int) { w.members[i].volume.formed = true }},
}

// passes lists how a pass may go. P is the pass that would begin now.
func (w *World) passes(p *pass, out []Action) []Action {
	if w.manager.held != nil {
		out = append(out, Action{Kind: actResume})
		if w.left[Crash] > 0 {
			out = append(out, Action{Kind: actCrashHeld})
		}
		if w.left[Takeover] > 0 {
			out = append(out, Action{Kind: actTakeover})
		}
	} else if len(p.effects) > 0 {
		out = append(out, Action{Kind: actPass})
		for k := range p.effects {
			if w.left[Crash] > 0 && k > 0 {
				out = append(out, Action{Kind: actPassCrash, Member: uint8(k)})
			}
			if w.left[Linger] > 0 {
				out = append(out, Action{Kind: actPassLinger, Member: uint8(k)})
			}
		}
		if w.left[Crash] > 0 {
			out = append(out, Action{Kind: actPassCrash, Member: uint8(len(p.effects))})
		}
	}
	if w.old != nil {
		out = append(out, Action{Kind: actResumeOld})
	}
	return out
}

// faults lists what else may befall the world.
func (w *World) faults(out []Action) []Action {
	if w.left[Adverse] > 0 {
		for _, m := range w.model.Moves() {
			if m.Adverse {
				out = append(out, Action{Kind: actMove, Move: m})
			}
		}
	}
	for i := range w.sc.Members {
		out = w.memberFaults(i, out)
	}
	if w.stale != nil {
		out = append(out, Action{Kind: actCurrent})
	}
	if w.left[Change] > 0 {
		for k, c := range w.sc.Changes {
			if c != w.wanted {
				out = append(out, Action{Kind: actChange, Arg: uint8(k)})
			}
		}
	}
	return out
}

// memberRules are the faults that begin at one member.
var memberRules = []struct {
	fault Fault
	kind  ActionKind
	can   func(*World, int) bool
	do    func(*World, int)
}{
	{PodDeleted, actDeletePod, func(w *World, i int) bool { return w.members[i].pod != 0 && !w.members[i].dying }, (*World).deletePod},
	{Evicted, actEvict, (*World).mayEvict, func(w *World, i int) { w.budget.approved = int8(i) + 1 }},
	{ClaimLost, actLoseClaim, (*World).hasClaim, (*World).deleteClaim},
	{ClaimDoomed, actDoomClaim, func(w *World, i int) bool { return w.hasClaim(i) && w.members[i].pod != 0 }, (*World).doomClaim},
	{ClaimRemade, actRemakeClaim, func(w *World, i int) bool { return w.hasClaim(i) && w.members[i].pod != 0 }, (*World).remakeClaim},
	{ServerKilled, actKill, func(w *World, i int) bool { return w.model.Running(i) }, func(w *World, i int) { w.model.Stop(i) }},
	{NodeLost, actLoseNode, func(w *World, i int) bool { return w.hasClaim(i) && !w.members[i].stranded }, (*World).loseNode},
	{Silence, actSilence, func(w *World, i int) bool { return w.members[i].booted && !w.members[i].silent }, func(w *World, i int) { w.members[i].silent = true }},
	{SlowMount, actSlow, func(w *World, i int) bool { return w.members[i].booted && !w.members[i].slow }, func(w *World, i int) { w.members[i].slow = true }},
	{Stale, actStale, func(w *World, i int) bool { return w.members[i].booted && w.stale == nil }, (*World).takeStale},
}

func (w *World) hasClaim(i int) bool { return w.members[i].claim != 0 && !w.members[i].claimDying }

// memberFaults lists what may befall a member, and what it may recover from.
func (w *World) memberFaults(i int, out []Action) []Action {
	m := &w.members[i]
	for _, r := range memberRules {
		if w.left[r.fault] > 0 && r.can(w, i) {
			out = append(out, Action{Kind: r.kind, Member: uint8(i)})
		}
	}
	if m.stranded {
		out = append(out, Action{Kind: actNodeBack, Member: uint8(i)})
	}
	if m.silent {
		out = append(out, Action{Kind: actHear, Member: uint8(i)})
	}
	if m.slow {
		out = append(out, Action{Kind: actKeepUp, Member: uint8(i)})
	}
	switch {
	case m.garbled != garbleNone:
		out = append(out, Action{Kind: actClear, Member: uint8(i)})
	case m.booted && w.left[Garble] > 0:
		for g := garbleNone + 1; g < garbleKinds; g++ {
			out = append(out, Action{Kind: actGarble, Member: uint8(i), Arg: uint8(g)})
		}
	}
	return out
}
