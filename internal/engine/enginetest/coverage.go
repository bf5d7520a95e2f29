// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/plan"
)

// Coverage is what a walk has reached.
type Coverage struct {
	// States and Steps are how many different worlds were reached, and by how
	// many actions. Rests is in how many of them the world came to rest.
	States, Steps, Rests int
	// Complete is true where every world within the bounds was reached.
	Complete bool
	// Took is the time of the walk.
	Took time.Duration
	// Refused and Admitted count how often each guard refused, once for decisions
	// that are remembered, and the decisions in which each kind of step and grant was
	// asked for.
	Refused, Admitted map[string]int
	// Stalled counts the reasons for which a person was called.
	Stalled map[string]int
	// Faults counts the faults that were injected.
	Faults map[string]int
}

// NewCoverage returns an empty one.
func NewCoverage() *Coverage {
	return &Coverage{Complete: true, Refused: map[string]int{}, Admitted: map[string]int{}, Stalled: map[string]int{}, Faults: map[string]int{}}
}

// refuse counts a guard's refusal.
func (c *Coverage) refuse(guard string) { c.Refused[guard]++ }

func (c *Coverage) note(p *pass) {
	if p == nil {
		return
	}
	d := p.decision
	if d.Stalled != nil {
		c.Stalled[d.Stalled.Reason]++
	}
	for _, a := range d.Asks {
		c.Admitted[askName(a)]++
	}
	if d.WriteKey != "" {
		c.Admitted["RotateKey/"+string(d.WriteKey)]++
	}
	if len(d.Replace) > 0 {
		c.Admitted["Replace"]++
	}
	if len(d.DeleteClaims) > 0 {
		c.Admitted["DeleteClaim"]++
	}
}

func askName(a plan.Ask) string {
	if a.Grant != nil {
		return string(engine.StepGrant) + "/" + string(a.Grant.Kind)
	}
	if a.Step.Key != nil {
		return string(a.Step.Kind) + "/" + string(a.Step.Key.Phase)
	}
	return string(a.Step.Kind)
}

// Add adds what another walk has reached.
func (c *Coverage) Add(o *Coverage) {
	c.States += o.States
	c.Steps += o.Steps
	c.Rests += o.Rests
	c.Took += o.Took
	c.Complete = c.Complete && (o.Complete || o.States == 0)
	for _, m := range []struct{ to, from map[string]int }{
		{c.Refused, o.Refused}, {c.Admitted, o.Admitted}, {c.Stalled, o.Stalled}, {c.Faults, o.Faults},
	} {
		for k, n := range m.from {
			m.to[k] += n
		}
	}
}

func (c *Coverage) String() string {
	how := "all within the bounds"
	if !c.Complete {
		how = "a sample"
	}
	return fmt.Sprintf("%d states (%s), %d steps, %d brought to rest, %v\n  asked:   %s\n  refused: %s\n  stalled: %s\n  faults:  %s",
		c.States, how, c.Steps, c.Rests, c.Took.Round(time.Millisecond), counts(c.Admitted), counts(c.Refused), counts(c.Stalled), counts(c.Faults))
}

func counts(m map[string]int) string {
	parts := make([]string, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%s %d", k, m[k]))
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}
