// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consulagent

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hashicorp/consul/api"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
)

// bootstrapTimeout bounds the bootstrap: a leader that was just elected needs a
// moment before it accepts one.
const bootstrapTimeout = 20 * time.Second

// policyName is the policy of the agents' token.
const policyName = "quorate-agent"

// errForeignToken needs a person: the credential of a formed set is not remade.
var errForeignToken = errors.New("access control was bootstrapped with another management token: " +
	"put that token into the datastore's Secret under the key " + consul.CredentialManagement +
	", or reset the bootstrap as Consul's documentation says")

// bootstrap gives the chosen management token all rights, and the agents' token
// the least that its steps need. It goes on wherever an earlier try was cut
// off: every part is looked for before it is made.
func (l *local) bootstrap(ctx context.Context, s engine.Step) error {
	management, agent := s.Credentials[consul.CredentialManagement], s.Credentials[consul.CredentialAgent]
	if management == "" || agent == "" {
		return errors.New("the tokens did not come with the step")
	}
	client, err := l.clientWith(management)
	if err != nil {
		return err
	}
	var last error
	err = wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, bootstrapTimeout, true, func(ctx context.Context) (bool, error) {
		last = l.tryBootstrap(ctx, client, management, agent)
		if last != nil && !notYet(last) {
			return false, last
		}
		return last == nil, nil
	})
	if err != nil && last != nil {
		return last
	}
	return err //nolint:wrapcheck // it is the context's own; Do says what was being done.
}

func (l *local) tryBootstrap(ctx context.Context, client *api.Client, management, agent string) error {
	leader, err := client.Status().LeaderWithQueryOptions(query(ctx))
	if err != nil {
		return fmt.Errorf("reading the leader: %w", err)
	}
	if leader != l.advertised() {
		return fmt.Errorf("%w: it does not lead", errStale)
	}
	if err := ensureManagement(ctx, client, management); err != nil {
		return err
	}
	policy, err := ensurePolicy(ctx, client, consul.AgentRules(l.config.Member))
	if err != nil {
		return err
	}
	return ensureAgentToken(ctx, client, agent, policy)
}

// ensureManagement bootstraps with the given token unless it is known already.
func ensureManagement(ctx context.Context, client *api.Client, token string) error {
	if _, _, err := client.ACL().TokenReadSelf(query(ctx)); err == nil {
		return nil
	} else if !refused(err) {
		return fmt.Errorf("looking for the management token: %w", err)
	}
	_, _, err := client.ACL().BootstrapWithToken(token)
	if err == nil {
		return nil
	}
	if strings.Contains(err.Error(), "no longer allowed") {
		return errForeignToken
	}
	return fmt.Errorf("bootstrapping access control: %w", err)
}

func ensurePolicy(ctx context.Context, client *api.Client, rules string) (*api.ACLPolicy, error) {
	have, _, err := client.ACL().PolicyReadByName(policyName, query(ctx))
	if err != nil {
		return nil, fmt.Errorf("looking for the policy %s: %w", policyName, err)
	}
	w := (&api.WriteOptions{}).WithContext(ctx)
	switch {
	case have == nil:
		have, _, err = client.ACL().PolicyCreate(&api.ACLPolicy{
			Name: policyName, Rules: rules, Description: "What the operator's agents beside the servers need.",
		}, w)
	case have.Rules != rules:
		have.Rules = rules
		have, _, err = client.ACL().PolicyUpdate(have, w)
	}
	if err != nil {
		return nil, fmt.Errorf("writing the policy %s: %w", policyName, err)
	}
	return have, nil
}

func ensureAgentToken(ctx context.Context, client *api.Client, secret string, policy *api.ACLPolicy) error {
	q := query(ctx)
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
	case refused(err):
		_, _, err = client.ACL().TokenCreate(&api.ACLToken{
			SecretID: secret, Policies: link, Description: "The agents beside the servers.",
		}, w)
	}
	if err != nil {
		return fmt.Errorf("writing the agents' token: %w", err)
	}
	return nil
}

// notYet tells an error that passes by itself: a leader still getting ready.
func notYet(err error) bool {
	var status api.StatusError
	return errors.As(err, &status) && status.Code >= http.StatusInternalServerError
}
