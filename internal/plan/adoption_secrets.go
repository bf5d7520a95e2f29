// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"strings"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
)

// AdoptedSecrets is what is known of the Secrets of the user that an adoption needs, see
// engine.SecretAdopter.
type AdoptedSecrets struct {
	// Problems says what is wrong with them, each with its remedy; none where all can be
	// used.
	Problems []string
	// Changed says of which the user has another value by now than ours are started with,
	// each with its remedy.
	Changed []string
}

// changedSecrets says so, where that is.
func (p *draft) changedSecrets() string {
	if s := p.state.AdoptedSecrets; s != nil {
		return strings.Join(s.Changed, "; ")
	}
	return ""
}

// introduce has the set let our agents in, by a member that was taken over. It costs
// nothing, and until it is done no other pod is replaced: who is not let in cannot say
// that its server serves, see holdsAdoption. What the server made of it is told, since
// mostly a person has to put it right; it is asked for again meanwhile, and what the last
// try came to stands until one ends otherwise.
func (p *draft) introduce() {
	adopter, ok := p.engine.(engine.SecretAdopter)
	secrets := p.state.AdoptedSecrets
	if !ok || secrets == nil {
		return
	}
	step, ok := adopter.Introduce(p.seen)
	if !ok {
		return
	}
	if len(secrets.Problems) > 0 {
		p.refuseAdoption(strings.Join(secrets.Problems, "; ") + "; no other pod is replaced meanwhile")
		return
	}
	m := p.state.member(step.Member)
	if r := p.ours(*m); r == nil {
		return
	} else if why := r.Action.Refusal(step.Kind); why != "" {
		p.stall(v1alpha1.ReasonAdoptionRefused, fmt.Sprintf("%s does not let the operator's agent in, and no other pod is replaced meanwhile: %s",
			m.Name, bounded(why)))
	}
	p.summarize(Summary{Action: engine.StepAdopt, Member: m.Name, Why: step.Why})
	p.out.Asks = append(p.out.Asks, Ask{Member: m.Name, PodUID: m.Pod.UID, Step: &step})
}
