// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/consul/api"

	"github.com/quorate/quorate/internal/engine/consul"
)

// PolicyName is the policy of the agents' token.
const PolicyName = "quorate-agent"

// ErrForeignToken needs a person: the credential of a formed set is not remade.
var ErrForeignToken = errors.New("access control was bootstrapped with another management token: " +
	"put that token into the datastore's Secret under the key " + consul.CredentialManagement +
	", or reset the bootstrap as Consul's documentation says")

// EnsureManagement bootstraps access control with the given token unless it is known already.
func EnsureManagement(ctx context.Context, client *api.Client, token string) error {
	if _, _, err := client.ACL().TokenReadSelf(Query(ctx)); err == nil {
		return nil
	} else if !Refused(err) {
		return fmt.Errorf("looking for the management token: %w", err)
	}
	_, _, err := client.ACL().BootstrapWithToken(token)
	if err == nil {
		return nil
	}
	if strings.Contains(err.Error(), "no longer allowed") {
		return ErrForeignToken
	}
	return fmt.Errorf("bootstrapping access control: %w", err)
}

// EnsurePolicy has the policy of the agents' token be these rules.
func EnsurePolicy(ctx context.Context, client *api.Client, rules string) (*api.ACLPolicy, error) {
	have, _, err := client.ACL().PolicyReadByName(PolicyName, Query(ctx))
	if err != nil {
		return nil, fmt.Errorf("looking for the policy %s: %w", PolicyName, err)
	}
	w := (&api.WriteOptions{}).WithContext(ctx)
	switch {
	case have == nil:
		have, _, err = client.ACL().PolicyCreate(&api.ACLPolicy{
			Name: PolicyName, Rules: rules, Description: "What the operator's agents beside the servers need.",
		}, w)
	case have.Rules != rules:
		have.Rules = rules
		have, _, err = client.ACL().PolicyUpdate(have, w)
	}
	if err != nil {
		return nil, fmt.Errorf("writing the policy %s: %w", PolicyName, err)
	}
	return have, nil
}

// EnsureAgentToken has the agents' token be this one, under the policy alone.
func EnsureAgentToken(ctx context.Context, client *api.Client, secret string, policy *api.ACLPolicy) error {
	q := Query(ctx)
	q.Token = secret
	have, _, err := client.ACL().TokenReadSelf(q)
	w := (&api.WriteOptions{}).WithContext(ctx)
	link := []*api.ACLTokenPolicyLink{{ID: policy.ID}}
	switch {
	case err == nil && len(have.Policies) == 1 && have.Policies[0].ID == policy.ID:
		return nil
	case err == nil:
		have.Policies = link
		_, _, err = client.ACL().TokenUpdate(have, w)
	case Refused(err):
		_, _, err = client.ACL().TokenCreate(&api.ACLToken{
			SecretID: secret, Policies: link, Description: "The agents beside the servers.",
		}, w)
	}
	if err != nil {
		return fmt.Errorf("writing the agents' token: %w", err)
	}
	return nil
}
