// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/plan"
)

// wish adds to what is wanted which credential the user asks to be rotated.
func (p *pass) wish(out *plan.Wanted) {
	asked, err := v1alpha1.ParseRotation(p.d.Annotations[v1alpha1.AnnotationRotate])
	if err != nil {
		out.RotateUnreadable = head(printable(err.Error()), maxComplaints)
	}
	out.Rotate = asked
}

// keys are the hashes of the key that the servers share, as the members' Secret
// has it; nil where it has none.
func (p *pass) keys() *plan.Keys {
	spec, has := p.kit.Engine.Traits().SharedKey()
	if !has {
		return nil
	}
	return keysIn(p.secrets.holder(spec), spec)
}

// passwords are the hashes of those that can be rotated, by the key of the credential.
func (p *pass) passwords() map[string]plan.Keys {
	out := map[string]plan.Keys{}
	for _, spec := range p.kit.Engine.Traits().Rotatable() {
		if k := keysIn(p.secrets.holder(spec), spec); spec.Login && k != nil {
			out[spec.Key] = *k
		}
	}
	return out
}

// keysIn are the hashes of what a Secret has of a credential; nil where it has none.
func keysIn(s *corev1.Secret, spec engine.Credential) *plan.Keys {
	if s == nil || len(s.Data[spec.Key]) == 0 {
		return nil
	}
	out := &plan.Keys{Current: engine.KeyHash(s.Data[spec.Key])}
	if next := s.Data[engine.NextKey(spec.Key)]; len(next) > 0 {
		out.Next = engine.KeyHash(next)
	}
	if former := s.Data[engine.FormerKey(spec.Key)]; len(former) > 0 {
		out.Former = engine.KeyHash(former)
	}
	return out
}

// rotateKey changes a Secret as the decision says: another key, or password, beside
// the present one, or that one in its place, or the former one forgotten. The API
// server refuses it if anybody has written to the Secret since this pass read it, so
// that none is done twice, nor by a manager that was overtaken.
func (p *pass) rotateKey(ctx context.Context) error {
	phase, all := p.findings.decision.WriteKey, p.kit.Engine.Traits().Rotatable()
	i := slices.IndexFunc(all, func(c engine.Credential) bool { return c.Key == p.findings.decision.KeyOf })
	if phase == "" || i < 0 {
		return nil
	}
	spec := all[i]
	s := p.secrets.holder(spec).DeepCopy()
	next, former := engine.NextKey(spec.Key), engine.FormerKey(spec.Key)
	switch phase {
	case engine.KeyIntroduce:
		s.Data[next] = randomCredential(spec.Format)
	case engine.KeyPromote:
		if !spec.Restarts && !spec.Login { // else nobody has only the former: all have both
			s.Data[former] = s.Data[spec.Key]
		}
		s.Data[spec.Key] = s.Data[next]
		delete(s.Data, next)
	case engine.KeyForget:
		delete(s.Data, former)
	}
	if err := p.Update(ctx, s); err != nil {
		return fmt.Errorf("rotate %s in Secret %s: %w", spec.Rotates, s.Name, err)
	}
	p.secrets.hold(spec, s)
	p.renewed = true
	keyPoints[phase].Reach()
	return nil
}
