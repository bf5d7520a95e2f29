// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"strings"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/agent/settings"
	"github.com/quorate/quorate/internal/layout"
)

// The names of all children follow from the Datastore's. The schema keeps
// names of at most 45 characters, and refuses those that end like a child's,
// so that every one of these is a DNS label and no two Datastores share one.
const (
	// LedgerKey is the key of the ledger in its ConfigMap.
	LedgerKey = "ledger.json"
	// AddressesKey is the key of the members' stable addresses, a JSON object
	// by member name, in the ConfigMap of the configuration.
	AddressesKey = settings.AddressesName
	// FilePrefix begins the keys of the shared files in the same ConfigMap.
	FilePrefix = settings.FilePrefix
	// CertificateKey, PrivateKey and AuthorityKey are the keys of a key pair in
	// the manager's and the members' Secret; the authority's own Secret has
	// AuthorityKey and AuthorityPrivateKey.
	CertificateKey      = settings.CertificateName
	PrivateKey          = settings.KeyName
	AuthorityKey        = settings.AuthorityName
	AuthorityPrivateKey = "ca.key"
)

// dataVolume is the claim template's name, unless the claims were made by hand.
const dataVolume = "data"

// StatefulSetName is also the name of the headless Service and the NetworkPolicy.
func StatefulSetName(datastore string) string { return datastore }

// HeadlessName is the name of the Service of all members.
func HeadlessName(datastore string) string { return datastore }

// NetworkPolicyName is the name of the NetworkPolicy.
func NetworkPolicyName(datastore string) string { return datastore }

// DisruptionBudgetName is the name of the PodDisruptionBudget.
func DisruptionBudgetName(datastore string) string { return datastore }

// ClientName is the name of the Service for clients.
func ClientName(datastore string) string { return datastore + "-client" }

// LedgerName is the name of the ConfigMap of the ledger.
func LedgerName(datastore string) string { return datastore + "-ledger" }

// ConfigName is the name of the ConfigMap of the shared configuration.
func ConfigName(datastore string) string { return datastore + "-config" }

// AuthoritySecretName is the name of the Secret of the certificate authority.
func AuthoritySecretName(datastore string) string { return datastore + "-ca" }

// ManagerSecretName is the name of the Secret of what the manager uses.
func ManagerSecretName(datastore string) string { return datastore + "-manager" }

// MemberSecretName is the name of the Secret that is mounted in the members.
func MemberSecretName(datastore string) string { return datastore + "-member" }

// ConnectionName is the name of the Secret for clients.
func ConnectionName(datastore string) string { return datastore + "-connection" }

// AccountSecretName is the name of the Secret of an account.
func AccountSecretName(datastore, account string) string { return datastore + "-user-" + account }

// IngressName is the name of the Ingress of the web interface.
func IngressName(datastore string) string { return datastore + "-ui" }

// ClaimTemplate is the name of the claim template, with which the names of the
// claims begin: those of a set that was made by hand are kept.
func ClaimTemplate(d *v1alpha1.Datastore) string {
	if a := d.Spec.Adopt; a != nil {
		return a.ClaimTemplate
	}
	return dataVolume
}

// ClaimName is the name of the claim of a member.
func ClaimName(d *v1alpha1.Datastore, member string) string { return ClaimTemplate(d) + "-" + member }

// MemberOfClaim returns the member of a Datastore that a claim is for, by the
// claim's name, and false where it is no member's.
func MemberOfClaim(d *v1alpha1.Datastore, l layout.Layout, claim string) (string, bool) {
	member, ok := strings.CutPrefix(claim, ClaimTemplate(d)+"-")
	if !ok {
		return "", false
	}
	if _, ok := l.Number(member); !ok {
		return "", false
	}
	return member, true
}
