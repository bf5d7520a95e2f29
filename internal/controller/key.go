// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/plan"
)

// wish adds to what is wanted which key the user asks to be rotated.
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
	spec, has := p.kit.Engine.Traits().Rotated()
	if !has || p.secrets.member == nil || len(p.secrets.member.Data[spec.Key]) == 0 {
		return nil
	}
	data := p.secrets.member.Data
	out := &plan.Keys{Current: engine.KeyHash(data[spec.Key])}
	if next := data[engine.NextKey(spec.Key)]; len(next) > 0 {
		out.Next = engine.KeyHash(next)
	}
	if former := data[engine.FormerKey(spec.Key)]; len(former) > 0 {
		out.Former = engine.KeyHash(former)
	}
	return out
}

// rotateKey changes the members' Secret as the decision says: another key beside
// the present one, or that one in its place, or the former one forgotten. The API
// server refuses it if anybody has written to the Secret since this pass read it, so
// that none is done twice, nor by a manager that was overtaken.
func (p *pass) rotateKey(ctx context.Context) error {
	phase := p.findings.decision.WriteKey
	spec, has := p.kit.Engine.Traits().Rotated()
	if phase == "" || !has {
		return nil
	}
	s := p.secrets.member.DeepCopy()
	next, former := engine.NextKey(spec.Key), engine.FormerKey(spec.Key)
	switch phase {
	case engine.KeyIntroduce:
		s.Data[next] = randomCredential(spec.Format)
	case engine.KeyPromote:
		if !spec.Restarts { // else nobody has only the former: all have read both
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
	p.secrets.member, p.renewed = s, true
	keyPoints[phase].Reach()
	return nil
}
