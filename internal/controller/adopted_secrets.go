// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/adoption"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/plan"
)

// adoptedSecrets are what the user has in Secrets of their own of a set that is adopted.
// They are read by name in every pass, as long as the adoption lasts, and written nowhere
// but what takes the place of a credential of ours.
type adoptedSecrets struct {
	wanted   []engine.AdoptedSecret
	values   map[string][]byte
	problems []string
}

// readAdopted reads them, where there is an adoption to be proposed or under way.
func (p *pass) readAdopted(ctx context.Context) error {
	adopter, ok := p.kit.Engine.(engine.SecretAdopter)
	l := p.ledger.ledger
	if !ok || p.d.Spec.Adopt == nil || l != nil && l.Adoption == nil {
		return nil
	}
	wanted := adopter.AdoptedSecrets(p.d)
	if len(wanted) == 0 {
		return nil
	}
	out := &adoptedSecrets{wanted: wanted, values: map[string][]byte{}}
	read, told := map[string]*corev1.Secret{}, map[string]bool{}
	for _, w := range wanted {
		s, known := read[w.Ref.Name]
		if !known {
			var err error
			if s, err = readLive[corev1.Secret](ctx, p.Live, p.d, "Secret", w.Ref.Name); err != nil {
				return err
			}
			read[w.Ref.Name] = s
		}
		value, problem := adoption.Value(w, s)
		if problem != "" && !told[problem] {
			told[problem] = true
			out.problems = append(out.problems, problem)
		}
		if problem == "" {
			out.values[w.Key] = value
		}
	}
	p.adopted = out
	return nil
}

func (a *adoptedSecrets) planned() *plan.AdoptedSecrets {
	if a == nil {
		return nil
	}
	return &plan.AdoptedSecrets{Problems: a.problems}
}

// attach gives a step what it names of them, but for what a credential of ours has.
func (a *adoptedSecrets) attach(step *engine.Step) {
	if a == nil {
		return
	}
	for key, value := range a.values {
		if have, named := step.Credentials[key]; named && have == "" {
			step.Credentials[key] = string(value)
		}
	}
}

// firstValue is that of a credential which does not exist yet: the one that the set has
// already where it was made by hand, and else one that is made. None is made in the place
// of one that the set has (law 7).
func (p *pass) firstValue(spec engine.Credential) ([]byte, error) {
	if p.adopted != nil {
		for _, w := range p.adopted.wanted {
			if w.Key != spec.Key {
				continue
			}
			if value := p.adopted.values[w.Key]; len(value) > 0 {
				return value, nil
			}
			p.findings.decision.Stalled = &plan.Finding{Reason: v1alpha1.ReasonAdoptionRefused, Message: strings.Join(p.adopted.problems, "; ")}
			return nil, errStop
		}
	}
	return randomCredential(spec.Format), nil
}
