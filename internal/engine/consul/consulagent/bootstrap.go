// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consulagent

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/consul/api"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
	"github.com/quorate/quorate/internal/engine/consul/wire"
)

// bootstrapTimeout bounds the bootstrap: a leader that was just elected needs a
// moment before it accepts one.
const bootstrapTimeout = 20 * time.Second

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
		if last != nil && !wire.NotYet(last) {
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
	leader, err := client.Status().LeaderWithQueryOptions(wire.Query(ctx))
	if err != nil {
		return fmt.Errorf("reading the leader: %w", err)
	}
	if leader != l.advertised() {
		return fmt.Errorf("%w: it does not lead", wire.ErrStale)
	}
	if err := wire.EnsureManagement(ctx, client, management); err != nil {
		return err
	}
	policy, err := wire.EnsurePolicy(ctx, client, consul.AgentRules(l.config.Member))
	if err != nil {
		return err
	}
	return wire.EnsureAgentToken(ctx, client, agent, policy)
}
