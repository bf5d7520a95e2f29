// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quorate/quorate/internal/engine"
)

// Script is a world in which what is due happens in its turn, and nothing
// else but what a test does to it. What the manager does is written down.
type Script struct {
	world *World
	lines []string
}

// NewScript returns a script at the beginning of a scenario.
func NewScript(sc *Scenario) *Script { return &Script{world: sc.newWorld()} }

// Rest lets the world come to rest and returns what the manager did on the
// way, one line for each pass that did anything, and last the law that was
// broken or the reason for which a person is called, if any.
func (s *Script) Rest() []string { return s.until(func(*World) bool { return false }) }

// Until lets the world go on until the manager has done what a text is part
// of, and returns what it did up to then.
func (s *Script) Until(text string) []string {
	return s.until(func(*World) bool { return len(s.lines) > 0 && strings.Contains(s.lines[len(s.lines)-1], text) })
}

func (s *Script) until(done func(*World) bool) []string {
	s.lines = nil
	for range mostTurns {
		p := s.pass()
		if !s.world.turn() {
			s.lines = append(s.lines, p.rest()...)
			break
		}
		if p != nil {
			s.lines = append(s.lines, p.line())
		}
		if s.world.broken != "" || done(s.world) {
			break
		}
	}
	if s.world.broken != "" {
		s.lines = append(s.lines, s.world.broken)
	}
	return s.lines
}

// rest tells what a manager at rest says.
func (p *pass) rest() (lines []string) {
	if p == nil {
		return nil
	}
	d := p.decision
	switch {
	case over(d):
		lines = append(lines, "begins anew")
	case d.Stalled != nil:
		lines = append(lines, "stalled: "+d.Stalled.Reason)
	case d.Plan.BlockedBy != "":
		lines = append(lines, "blocked: "+d.Plan.BlockedBy)
	}
	if d.Pending != nil {
		lines = append(lines, "pending: "+d.Pending.Reason)
	}
	return lines
}

// pass is the one that the next turn is, or nil where it is something else.
func (s *Script) pass() *pass {
	if len(s.world.progress(nil)) > 0 {
		return nil
	}
	return s.world.look()
}

// Change changes the specification.
func (s *Script) Change(to Wanted) *Script { s.world.wanted = to; return s }

// LoseClaim deletes a member's pod and claim.
func (s *Script) LoseClaim(members ...int) *Script {
	for _, i := range members {
		s.world.deleteClaim(i)
	}
	return s
}

// DoomClaim deletes the claims of members, and not their pods.
func (s *Script) DoomClaim(members ...int) *Script {
	for _, i := range members {
		s.world.doomClaim(i)
	}
	return s
}

// LoseNode takes the nodes away that members' volumes are on.
func (s *Script) LoseNode(members ...int) *Script {
	for _, i := range members {
		s.world.loseNode(i)
	}
	return s
}

// NodeBack brings the node of a member back.
func (s *Script) NodeBack(member int) *Script { s.world.members[member].stranded = false; return s }

// Kill ends the server of a member in its pod.
func (s *Script) Kill(member int) *Script { s.world.model.Stop(member); return s }

// Silence keeps agents from hearing and being heard.
func (s *Script) Silence(members ...int) *Script {
	for _, i := range members {
		s.world.members[i].silent = true
	}
	return s
}

// LoseLedger deletes the ledger.
func (s *Script) LoseLedger() *Script { s.world.ledger = nil; return s }

// MakeForeign puts another set's data in the place of a member's claim.
func (s *Script) MakeForeign(member int) *Script { s.world.MakeForeign(member); return s }

// Recreate deletes the resource and makes it anew over its claims.
func (s *Script) Recreate() *Script { s.world.Recreate(); return s }

// Servers lets servers, agents and controllers go on until they have nothing
// more to do, while no manager runs.
func (s *Script) Servers() *Script {
	for range mostTurns {
		own := s.world.progress(nil)
		if len(own) == 0 {
			break
		}
		s.world.apply(own[0], nil)
	}
	return s
}

// Crash ends the manager in the middle of its next pass that asks for
// anything, before it asks, and returns what that pass had done.
func (s *Script) Crash() []string {
	s.lines = nil
	for range mostTurns {
		p := s.pass()
		if p == nil || len(p.decision.Asks) == 0 {
			if p != nil && len(p.effects) > 0 {
				s.lines = append(s.lines, p.line())
			}
			if !s.world.turn() {
				break
			}
			continue
		}
		s.lines = append(s.lines, p.line()+" (crash before asking)")
		s.world.run(p, len(p.effects)-len(p.decision.Asks), true)
		s.world.manager = manager{}
		break
	}
	return s.lines
}

// LingerBefore is as CrashBefore, but the manager is only replaced: what was left
// of its pass happens when nothing else is due.
func (s *Script) LingerBefore(text string) []string {
	return s.breakBefore(text, "replaced", func(p *pass) { s.world.old = p.seal() })
}

// CrashBefore ends the manager in the middle of the next pass that does what a
// text is part of, before the first such effect, and returns what was done.
func (s *Script) CrashBefore(text string) []string {
	return s.breakBefore(text, "crash", func(*pass) {})
}

func (s *Script) breakBefore(text, how string, rest func(*pass)) []string {
	s.lines = nil
	for range mostTurns {
		p := s.pass()
		at := -1
		if p != nil {
			at = slices.IndexFunc(p.effects, func(e effect) bool { return strings.Contains(p.effectLine(e), text) })
		}
		if at >= 0 {
			s.lines = append(s.lines, p.line()+" ("+how+" before "+text+")")
			s.world.run(p, at, true)
			s.world.manager = manager{}
			rest(p)
			break
		}
		if p != nil && len(p.effects) > 0 {
			s.lines = append(s.lines, p.line())
		}
		if !s.world.turn() {
			break
		}
	}
	return s.lines
}

// line tells what a pass does.
func (p *pass) line() string {
	parts := make([]string, 0, len(p.effects))
	for _, e := range p.effects {
		parts = append(parts, p.effectLine(e))
	}
	return strings.Join(parts, ", ")
}

func (p *pass) effectLine(e effect) string {
	switch e.kind {
	case writeLedger:
		return "ledger"
	case writeBudget:
		if p.decision.Budget.Max == 0 {
			return "close"
		}
		return "open"
	case writeSet:
		return p.setLine()
	case dissolveSet:
		return "delete set"
	case writeKey:
		return string(p.decision.WriteKey) + " key"
	case deletePod:
		return "replace " + p.decision.Replace[e.index].Name
	case deleteClaim:
		return "delete claim of " + p.decision.DeleteClaims[e.index].Member
	default:
		a := p.decision.Asks[e.index]
		about := a.Member
		if a.Step != nil && a.Step.Subject != "" {
			about = a.Step.Subject + " by " + a.Member
		}
		if a.Kind() == engine.StepRotateKey {
			return string(a.Step.Key.Phase) + " key by " + about
		}
		return askName(a) + " " + about
	}
}

func (p *pass) setLine() string {
	shape := p.decision.Shape
	switch {
	case !p.set.exists:
		return fmt.Sprintf("set of %d", shape.Replicas)
	case int8(shape.Replicas) != p.set.replicas:
		return fmt.Sprintf("set %d to %d", p.set.replicas, shape.Replicas)
	case shape.WriteTemplate:
		return "template " + p.wanted.Template.String()
	case shape.Restore:
		return "template put back"
	default:
		return "epoch on set"
	}
}
