// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/plan"
	"github.com/quorate/quorate/internal/resource"
)

// keeping are the accounts that the operator keeps for the user, with what is in
// their Secrets. Each has a Secret of its own, in which clients find how to log in;
// a password that was made is nowhere else. All are read by name, in every pass.
type keeping struct {
	wanted []engine.Account
	// passwords are those that are known, by account.
	passwords map[string]string
	// secrets are the accounts' own, of wanted and of remembered ones; former are
	// those of the set that this one came in place of.
	secrets, former map[string]*corev1.Secret
	// mint are the accounts of which a password is to be made.
	mint     []string
	problems map[string]string
	// refers is true where the user has a password in a Secret, of whose changes no
	// event tells.
	refers bool
	keeper engine.AccountKeeper
	// refused is what the API server said of Secrets that it does not let be written.
	refused []string
}

// readAccounts reads what is in the Secrets of the accounts. A set that has not
// formed has none yet, and one whose specification was refused keeps what it has.
func (p *pass) readAccounts(ctx context.Context) error {
	keeper, ok := p.kit.Engine.(engine.AccountKeeper)
	l := p.ledger.ledger
	if !ok || l == nil || !l.Formed || p.findings.blocked != nil {
		return nil
	}
	k := &keeping{
		keeper: keeper, wanted: keeper.Accounts(p.d), passwords: map[string]string{}, problems: map[string]string{},
		secrets: map[string]*corev1.Secret{}, former: map[string]*corev1.Secret{},
	}
	p.keeping = k
	for _, name := range k.names(l) {
		if err := p.readAccount(ctx, name); err != nil {
			return err
		}
	}
	for _, a := range k.wanted {
		if k.problems[a.Name] != "" {
			continue
		}
		if a.Password != nil {
			k.refers = true
			if err := p.readPassword(ctx, a); err != nil {
				return err
			}
			continue
		}
		s := k.secrets[a.Name]
		switch remembered := slices.Contains(l.Accounts, a.Name); {
		case s != nil && len(s.Data[passwordKey]) > 0:
			k.passwords[a.Name] = string(s.Data[passwordKey])
		case remembered:
			k.problems[a.Name] = fmt.Sprintf("Secret %s with its password is missing or empty; no other password is made, since clients may have that one: restore the Secret, or take %s out of the list and put it back once its Secret is empty or gone",
				resource.AccountSecretName(p.d.Name, a.Name), a.Name)
		default:
			k.mint = append(k.mint, a.Name)
		}
	}
	return nil
}

// passwordKey is where a Secret of an account has the password, in the words of the
// Service Binding specification.
const passwordKey = "password"

// names are the accounts that are wanted or remembered.
func (k *keeping) names(l *plan.Ledger) []string {
	out := slices.Clone(l.Accounts)
	for _, a := range k.wanted {
		if !slices.Contains(out, a.Name) {
			out = append(out, a.Name)
		}
	}
	return out
}

// readAccount gets an account's own Secret. One that is not this set's is left
// alone.
func (p *pass) readAccount(ctx context.Context, account string) error {
	var s corev1.Secret
	name := resource.AccountSecretName(p.d.Name, account)
	err := p.Live.Get(ctx, types.NamespacedName{Namespace: p.d.Namespace, Name: name}, &s)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("get Secret %s: %w", name, err)
	}
	l := p.ledger.ledger
	if ours, _ := resource.OwnedByCluster(&s, p.d, resource.ComponentCredentials, l.Predecessor); ours {
		p.keeping.former[account] = &s
		return nil
	}
	if ours, why := resource.OwnedByCluster(&s, p.d, resource.ComponentCredentials, l.ClusterID); !ours {
		p.keeping.problems[account] = fmt.Sprintf("Secret %s exists already, and %s; remove or rename it, or give the account another name", name, why)
		return nil
	}
	p.keeping.secrets[account] = &s
	return nil
}

// mostPassword bounds a password.
const mostPassword = 1024

// readPassword gets the password that the user has in a Secret, if its owner has
// agreed to that.
func (p *pass) readPassword(ctx context.Context, a engine.Account) error {
	var s corev1.Secret
	ref, k := *a.Password, p.keeping
	if ref.Key == "" {
		ref.Key = passwordKey
	}
	err := p.Live.Get(ctx, types.NamespacedName{Namespace: p.d.Namespace, Name: ref.Name}, &s)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("get Secret %s: %w", ref.Name, err)
	}
	value := s.Data[ref.Key]
	switch {
	case err != nil:
		k.problems[a.Name] = fmt.Sprintf("Secret %s, which passwordSecretRef names, does not exist: create it", ref.Name)
	case s.Labels[v1alpha1.LabelConsent] != v1alpha1.ConsentGiven:
		k.problems[a.Name] = fmt.Sprintf("Secret %s does not bear the label %s=%s, by which its owner lets Datastores use it", ref.Name, v1alpha1.LabelConsent, v1alpha1.ConsentGiven)
	case len(value) == 0 || len(value) > mostPassword || !utf8.Valid(value) || slices.ContainsFunc([]rune(string(value)), unicode.IsControl):
		k.problems[a.Name] = fmt.Sprintf("Secret %s must have a password under the key %s, of 1 to %d bytes and without control characters, such as a newline at its end", ref.Name, ref.Key, mostPassword)
	default:
		k.passwords[a.Name] = string(value)
	}
	return nil
}

// accounts puts them into the planner's words.
func (p *pass) accounts() *plan.Accounts {
	k := p.keeping
	if k == nil || p.secrets.manager == nil {
		return nil
	}
	out := &plan.Accounts{
		Revision: k.revision(p.secrets.manager.Data[resource.PrivateKey]), Wanted: k.wanted, Known: slices.Sorted(maps.Keys(k.passwords)),
		Pending: len(k.mint) > 0, Problems: k.problems,
	}
	for _, name := range p.ledger.ledger.Accounts {
		if s := k.secrets[name]; s == nil || len(s.Data) == 0 {
			out.Bare = append(out.Bare, name)
		}
	}
	return out
}

// revision names the accounts with their passwords. It is reported by an agent, and
// a guess at a password cannot be tried against it without the manager's own key.
func (k *keeping) revision(key []byte) string {
	text, err := json.Marshal([]any{k.wanted, k.passwords})
	if err != nil {
		panic("texts are always valid JSON: " + err.Error())
	}
	sum := hmac.New(sha256.New, key)
	_, _ = sum.Write(text) // a hash does not fail
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

// keepAccounts writes the Secrets of the accounts, before any agent hears of them:
// a password that is made is in one before anybody is told. An account that is gone
// has its Secret emptied. Where the API server does not let one be written no account
// is told in this pass, and all else goes on; see tellOfAccounts.
func (p *pass) keepAccounts(ctx context.Context) error {
	k := p.keeping
	if k == nil || p.findings.decision.Ledger.Abandoned {
		return nil
	}
	for _, a := range k.wanted {
		password, known := k.passwords[a.Name]
		if slices.Contains(k.mint, a.Name) {
			password, known, p.renewed = string(randomCredential(engine.CredentialBase64)), true, true
		}
		if !known {
			continue
		}
		if err := p.writeAccount(ctx, a, password); err != nil && !p.refuseAccount(a.Name, err) {
			return err
		}
	}
	for _, name := range p.findings.decision.EmptyAccounts {
		if s := k.secrets[name]; s != nil {
			s = s.DeepCopy()
			s.Data = nil
			err := p.Update(ctx, s)
			if err != nil && p.refuseAccount(name, err) {
				continue
			}
			if err != nil {
				return fmt.Errorf("empty Secret %s: %w", s.Name, err)
			}
			p.renewed = true
			pointAccountWritten.Reach()
		}
	}
	return nil
}

// refuseAccount notes that the API server does not let the Secret of an account be
// written, as for a quota, and takes what is to be told of accounts out of this pass.
func (p *pass) refuseAccount(name string, err error) bool {
	if !apierrors.IsForbidden(err) && !apierrors.IsInvalid(err) {
		return false
	}
	k := p.keeping
	k.refers = true // nobody tells when it may be written after all
	k.refused = append(k.refused, fmt.Sprintf("%s: its Secret cannot be written: %s", name, head(printable(err.Error()), maxComplaints)))
	d := &p.findings.decision
	d.Asks = slices.DeleteFunc(slices.Clone(d.Asks), func(a plan.Ask) bool { return a.Kind() == engine.StepAccounts })
	return true
}

// tellOfAccounts has the status say what kept accounts from being written.
func (p *pass) tellOfAccounts(context.Context) error {
	if k := p.keeping; k != nil && len(k.refused) > 0 {
		p.block(v1alpha1.ReasonAccountsRefused, strings.Join(k.refused, "; "))
	}
	return nil
}

// writeAccount has an account's Secret say how to log in. It lives as long as the
// claims, as every credential does.
func (p *pass) writeAccount(ctx context.Context, a engine.Account, password string) error {
	make := func(d *v1alpha1.Datastore, clusterID string, _ map[string][]byte) *corev1.Secret {
		return resource.AccountSecret(d, a.Name, clusterID, p.builder(p.snapshot, 0).Binding(a, password))
	}
	have := p.keeping.secrets[a.Name]
	if have == nil {
		if former := p.keeping.former[a.Name]; former != nil {
			p.secrets.former[former.Name] = former
		}
		_, err := p.createSecret(ctx, make, nil)
		return err
	}
	want := make(p.d, p.ledger.ledger.ClusterID, nil)
	owners := p.keepers(have.OwnerReferences)
	if equality.Semantic.DeepEqual(have.Data, want.Data) && len(owners) == len(have.OwnerReferences) {
		return nil
	}
	s := have.DeepCopy()
	s.Data, s.OwnerReferences = want.Data, owners
	if err := p.Update(ctx, s); err != nil {
		return fmt.Errorf("write Secret %s: %w", s.Name, err)
	}
	pointAccountWritten.Reach()
	return nil
}
