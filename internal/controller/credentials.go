// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/uuid"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/fleet"
	"github.com/quorate/quorate/internal/pki"
	"github.com/quorate/quorate/internal/plan"
	"github.com/quorate/quorate/internal/resource"
)

// credentials are the three Secrets of a datastore, each nil where it does not
// exist: the authority, the manager's pair with what only the manager holds,
// and what the members mount. They are read by name, never listed or watched.
type credentials struct {
	authority, manager, member *corev1.Secret
	// found tells, where there is no ledger, whether any of them exists.
	found bool
	// former are those, by name, of the set that this one came in place of.
	former map[string]*corev1.Secret
}

// find looks whether any of the names is taken. Claims that were granted keep
// their credentials alive; where neither a ledger nor a credential is left, the
// claims were never granted, and their Datastore was deleted before it formed.
// Should that be wrong, the markers on the volumes still tell whose they are.
func (c *credentials) find(ctx context.Context, r client.Reader, d *v1alpha1.Datastore) error {
	for _, name := range []string{resource.AuthoritySecretName(d.Name), resource.ManagerSecretName(d.Name), resource.MemberSecretName(d.Name)} {
		err := r.Get(ctx, types.NamespacedName{Namespace: d.Namespace, Name: name}, &corev1.Secret{})
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("get Secret %s: %w", name, err)
		}
		c.found = c.found || err == nil
	}
	return nil
}

// read gets all three. One of another set is a conflict, not a credential; but for
// one of the set that the user gave up for this one, as long as this one has not
// begun to form.
func (c *credentials) read(ctx context.Context, r client.Reader, d *v1alpha1.Datastore, l *plan.Ledger) error {
	c.former = map[string]*corev1.Secret{}
	for name, into := range map[string]**corev1.Secret{
		resource.AuthoritySecretName(d.Name): &c.authority,
		resource.ManagerSecretName(d.Name):   &c.manager,
		resource.MemberSecretName(d.Name):    &c.member,
	} {
		var s corev1.Secret
		err := r.Get(ctx, types.NamespacedName{Namespace: d.Namespace, Name: name}, &s)
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("get Secret %s: %w", name, err)
		}
		if ours, _ := resource.OwnedByCluster(&s, d, resource.ComponentCredentials, l.Predecessor); ours && l.FormationSize == 0 {
			c.former[name] = &s
			continue
		}
		if ours, why := resource.OwnedByCluster(&s, d, resource.ComponentCredentials, l.ClusterID); !ours {
			return &conflictError{what: "Secret " + name, why: why}
		}
		*into = &s
	}
	return nil
}

// missing names a Secret that does not exist.
func (c *credentials) missing(d *v1alpha1.Datastore) string {
	switch {
	case c.manager == nil:
		return resource.ManagerSecretName(d.Name)
	case c.member == nil:
		return resource.MemberSecretName(d.Name)
	case c.authority == nil:
		return resource.AuthoritySecretName(d.Name)
	}
	return ""
}

// identity is what the manager shows to the agents.
func (c *credentials) identity() (fleet.Identity, bool) {
	if c.manager == nil {
		return fleet.Identity{}, false
	}
	data := c.manager.Data
	return fleet.Identity{
		CA: string(data[resource.AuthorityKey]), Cert: string(data[resource.CertificateKey]), Key: string(data[resource.PrivateKey]),
	}, true
}

// holder is the Secret that has a credential.
func (c *credentials) holder(spec engine.Credential) *corev1.Secret {
	if spec.Mounted {
		return c.member
	}
	return c.manager
}

// hold has a Secret be the one that a credential was read from, since it was written.
func (c *credentials) hold(spec engine.Credential, s *corev1.Secret) {
	if spec.Mounted {
		c.member = s
	} else {
		c.manager = s
	}
}

// values returns the engine's credentials by key, whoever holds them, with the one
// that is to take the place of another.
func (c *credentials) values(specs []engine.Credential) map[string][]byte {
	out := map[string][]byte{}
	for _, spec := range specs {
		if holder := c.holder(spec); holder != nil {
			out[spec.Key] = holder.Data[spec.Key]
			if next := engine.NextKey(spec.Key); spec.Rotates != "" && holder.Data[next] != nil {
				out[next] = holder.Data[next]
			}
		}
	}
	return out
}

// ensureCredentials makes what does not exist yet, the authority first, since
// the others are issued by it. Once anything was granted, a missing one is
// never made anew: the set would not know it (law 7).
func (p *pass) ensureCredentials(ctx context.Context) error {
	c := p.secrets
	missing := c.missing(p.d)
	if p.ledger.ledger.Abandoned {
		return nil
	}
	if missing != "" && p.ledger.ledger.FormationSize > 0 {
		p.findings.decision.Stalled = &plan.Finding{Reason: v1alpha1.ReasonCredentialsLost, Message: fmt.Sprintf(
			"Secret %s of the formed set is missing; no other is made in its place, since the members would not know it; restore it from a backup", missing)}
		return errStop
	}
	if missing == "" {
		return p.keepCredentials(ctx)
	}
	if c.authority == nil {
		pair, err := pki.NewAuthority(p.ledger.ledger.ClusterID, p.Now())
		if err != nil {
			return fmt.Errorf("make the authority of %s: %w", p.d.Name, err)
		}
		if c.authority, err = p.createSecret(ctx, authoritySecret, map[string][]byte{
			resource.AuthorityKey: pair.Certificate, resource.AuthorityPrivateKey: pair.Key,
		}); err != nil {
			return err
		}
	}
	ca, err := pki.LoadAuthority(pki.Pair{Certificate: c.authority.Data[resource.AuthorityKey], Key: c.authority.Data[resource.AuthorityPrivateKey]})
	if err != nil {
		return fmt.Errorf("read the authority of %s: %w", p.d.Name, err)
	}
	if c.manager == nil {
		if c.manager, err = p.issue(ctx, resource.ManagerSecret, ca.Manager, false); err != nil {
			return err
		}
	}
	if c.member == nil {
		member := func(now time.Time) (pki.Pair, error) { return ca.Member(now) }
		if c.member, err = p.issue(ctx, resource.MemberSecret, member, true); err != nil {
			return err
		}
	}
	return nil
}

// makeSecret renders one of the kept Secrets.
type makeSecret func(d *v1alpha1.Datastore, clusterID string, data map[string][]byte) *corev1.Secret

// issue makes a Secret with a pair and the engine's credentials of one holder.
func (p *pass) issue(ctx context.Context, make makeSecret, pairOf func(time.Time) (pki.Pair, error), mounted bool) (*corev1.Secret, error) {
	pair, err := pairOf(p.Now())
	if err != nil {
		return nil, fmt.Errorf("issue a pair for %s: %w", p.d.Name, err)
	}
	data := map[string][]byte{
		resource.AuthorityKey:   p.secrets.authority.Data[resource.AuthorityKey],
		resource.CertificateKey: pair.Certificate, resource.PrivateKey: pair.Key,
	}
	for _, spec := range p.kit.Engine.Traits().Credentials {
		if spec.Mounted == mounted {
			if data[spec.Key], err = p.firstValue(spec); err != nil {
				return nil, err
			}
		}
	}
	return p.createSecret(ctx, make, data)
}

func (p *pass) createSecret(ctx context.Context, make makeSecret, data map[string][]byte) (*corev1.Secret, error) {
	if err := p.current(ctx); err != nil {
		return nil, err
	}
	s := make(p.d, p.ledger.ledger.ClusterID, data)
	if former := p.secrets.former[s.Name]; former != nil {
		return p.replaceSecret(ctx, former, s)
	}
	s.OwnerReferences = p.keepers(nil)
	if err := p.Create(ctx, s); err != nil {
		return nil, fmt.Errorf("create Secret %s: %w", s.Name, err)
	}
	pointSecretCreated.Reach()
	return s, nil
}

// replaceSecret writes a credential of this set over the one that opened the data
// of the set before it, which the user gave up.
func (p *pass) replaceSecret(ctx context.Context, former, s *corev1.Secret) (*corev1.Secret, error) {
	s.UID, s.ResourceVersion = former.UID, former.ResourceVersion
	s.OwnerReferences = p.keepers(former.OwnerReferences)
	if err := p.Update(ctx, s); err != nil {
		return nil, fmt.Errorf("replace Secret %s: %w", s.Name, err)
	}
	pointSecretCreated.Reach()
	return s, nil
}

// keepers are the owners that a credential lives as long as: the Datastore, the
// claims it opens, and the ledger. The claims become the ledger's owners first,
// and a Datastore may be deleted before they are the credential's: without the
// ledger's hold there would be grants and no credentials.
func (p *pass) keepers(existing []metav1.OwnerReference) []metav1.OwnerReference {
	out := resource.KeepOwners(existing, p.d, p.claims())
	ledger := p.ledger.object
	if slices.ContainsFunc(out, func(ref metav1.OwnerReference) bool { return ref.UID == ledger.UID }) {
		return out
	}
	return append(out, metav1.OwnerReference{APIVersion: "v1", Kind: "ConfigMap", Name: ledger.Name, UID: ledger.UID})
}

// keepCredentials has them live as long as every claim they open.
func (p *pass) keepCredentials(ctx context.Context) error {
	if err := p.followAdopted(ctx); err != nil {
		return err
	}
	for _, s := range []*corev1.Secret{p.secrets.authority, p.secrets.manager, p.secrets.member} {
		owners := p.keepers(s.OwnerReferences)
		if len(owners) == len(s.OwnerReferences) {
			continue
		}
		s.OwnerReferences = owners
		if err := p.Update(ctx, s); err != nil {
			return fmt.Errorf("let Secret %s live as long as the claims: %w", s.Name, err)
		}
	}
	return nil
}

// randomCredential returns a fresh secret value. The source of randomness of
// the platform does not fail; where it is broken, the program must not go on.
func randomCredential(f engine.CredentialFormat) []byte {
	if f == engine.CredentialUUID {
		return []byte(uuid.NewUUID())
	}
	raw := make([]byte, 32)
	if f == engine.CredentialLongBase64 {
		raw = make([]byte, 756)
	}
	_, _ = rand.Read(raw) // documented never to return an error
	return []byte(base64.StdEncoding.EncodeToString(raw))
}
