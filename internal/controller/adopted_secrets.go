// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/adoption"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/plan"
	"github.com/quorate/quorate/internal/resource"
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

// plannedSecrets is what the decision is told of them.
func (p *pass) plannedSecrets(snap *snapshot) *plan.AdoptedSecrets {
	if p.adopted == nil {
		return nil
	}
	out := &plan.AdoptedSecrets{Problems: p.adopted.problems}
	if p.standsByHand(snap) {
		return out // what is kept follows what the user has
	}
	for _, w := range p.changedSince() {
		out.Changed = append(out.Changed, fmt.Sprintf("Secret %s has under the key %s another value than when the StatefulSet was replaced, and ours are started with that one, "+
			"which is under %s in Secret %s: put it back until the set is adopted; it can be rotated afterwards", w.Ref.Name, w.Ref.Key, w.Key, resource.MemberSecretName(p.d.Name)))
	}
	return out
}

// changedSince are those of which another value was taken for ours.
func (p *pass) changedSince() []engine.AdoptedSecret {
	if p.adopted == nil || p.secrets.member == nil {
		return nil
	}
	var out []engine.AdoptedSecret
	for _, w := range p.adopted.wanted {
		have, kept := p.secrets.member.Data[w.Key]
		if value := p.adopted.values[w.Key]; kept && len(value) > 0 && !bytes.Equal(have, value) {
			out = append(out, w)
		}
	}
	return out
}

// followAdopted writes anew what was taken of them, as long as the StatefulSet that was
// made by hand is there: no pod of ours can have been started with it, and the user may
// have given the servers another key since the credentials were made. Afterwards none is
// replaced (law 7).
func (p *pass) followAdopted(ctx context.Context) error {
	changed := p.changedSince()
	if len(changed) == 0 || !p.standsByHand(p.snapshot) {
		return nil
	}
	if err := p.current(ctx); err != nil {
		return err
	}
	s := p.secrets.member
	for _, w := range changed {
		s.Data[w.Key] = p.adopted.values[w.Key]
	}
	if err := p.Update(ctx, s); err != nil {
		return fmt.Errorf("write the present key of the set into Secret %s: %w", s.Name, err)
	}
	return nil
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
