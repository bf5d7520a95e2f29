// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/plan"
	"github.com/quorate/quorate/internal/resource"
	"github.com/quorate/quorate/internal/rotation"
)

// rotate renews certificates, by one write in a pass at most. It restarts
// nothing and takes no member's vote, so that no guard is asked and it waits
// for no other work: agents read what is mounted again at each connection.
//
// The decision is made anew on what the API server and the agents say now
// before anything is written.
func (p *pass) rotate(ctx context.Context) error {
	if p.secrets.missing(p.d) != "" {
		return nil
	}
	step, err := p.renewal(p.snapshot).Next()
	if err != nil || step.Kind == "" {
		return p.renewing(step, err)
	}
	if err := p.current(ctx); err != nil {
		return err
	}
	snap, err := observe(ctx, p.Live, p.d, p.layout(), nil)
	if err != nil {
		return err
	}
	snap.reports = p.fleet.Refresh(ctx, p.key)
	state := p.renewal(snap)
	step, err = state.Next()
	if err != nil || step.Kind == "" {
		return p.renewing(step, err)
	}
	data, err := state.Write(step)
	if err != nil {
		return p.renewing(step, err)
	}
	p.findings.renewing = step.Why
	return p.writeRenewal(ctx, step, data)
}

// renewal is what a renewal follows from. A pod whose containers have all ended
// for good has nothing mounted, nor has one that was made by hand: it has no agent.
func (p *pass) renewal(snap *snapshot) rotation.State {
	c := p.secrets
	asked := p.d.Annotations[v1alpha1.AnnotationRotateCertificates]
	out := rotation.State{
		ClusterID: p.ledger.ledger.ClusterID,
		Data:      rotation.Data{rotation.Authority: c.authority.Data, rotation.Manager: c.manager.Data, rotation.Member: c.member.Data},
		Requested: asked != "" && asked != c.authority.Annotations[v1alpha1.AnnotationRotateCertificates],
		Now:       p.Now(),
	}
	for _, name := range slices.Sorted(maps.Keys(snap.pods)) {
		pod := snap.pods[name]
		if !mayReport(pod) {
			continue
		}
		m := rotation.Mounted{Member: name}
		if r := snap.reports[string(pod.UID)]; r != nil {
			m.Hashes = r.Mounts
		}
		out.Members = append(out.Members, m)
	}
	return out
}

// renewing notes how far it is. A certificate that cannot be read needs a
// person, and holds nothing else up.
func (p *pass) renewing(step rotation.Step, err error) error {
	p.findings.renewing = step.Why
	var unreadable *rotation.UnreadableError
	if !errors.As(err, &unreadable) {
		return err
	}
	p.findings.renewing = ""
	if p.findings.decision.Stalled == nil {
		p.findings.decision.Stalled = &plan.Finding{Reason: v1alpha1.ReasonCredentialsLost, Message: fmt.Sprintf(
			"Secret %s cannot be used, %s; restore it from a backup", (*p.holding(unreadable.Secret)).Name, unreadable)}
	}
	return nil
}

// writeRenewal changes one Secret as it was read in this pass: the API server
// refuses it if anybody has written to it since. Every rotation writes to each
// of the Secrets before it ends, so that a manager that was frozen cannot take
// back what its successor has done.
func (p *pass) writeRenewal(ctx context.Context, step rotation.Step, data map[string][]byte) error {
	held := p.holding(step.Secret)
	s := (*held).DeepCopy()
	s.Data = data
	if step.Kind == rotation.Introduce {
		recordRotation(s, p.d)
	}
	if err := p.Update(ctx, s); err != nil {
		return fmt.Errorf("renew certificates in Secret %s: %w", s.Name, err)
	}
	*held, p.renewed = s, true
	renewalPoints[step.Kind].Reach()
	return nil
}

func (p *pass) holding(s rotation.Secret) **corev1.Secret {
	switch s {
	case rotation.Authority:
		return &p.secrets.authority
	case rotation.Manager:
		return &p.secrets.manager
	default:
		return &p.secrets.member
	}
}

// authoritySecret is the Secret of a first authority. What was asked for before
// it was made, it is.
func authoritySecret(d *v1alpha1.Datastore, clusterID string, data map[string][]byte) *corev1.Secret {
	s := resource.AuthoritySecret(d, clusterID, data)
	recordRotation(s, d)
	return s
}

// recordRotation notes on the authority which request it was begun for.
func recordRotation(s *corev1.Secret, d *v1alpha1.Datastore) {
	if asked := d.Annotations[v1alpha1.AnnotationRotateCertificates]; asked != "" {
		metav1.SetMetaDataAnnotation(&s.ObjectMeta, v1alpha1.AnnotationRotateCertificates, asked)
	}
}
