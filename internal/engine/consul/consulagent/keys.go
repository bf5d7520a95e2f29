// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consulagent

import (
	"context"
	"errors"
	"fmt"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
	"github.com/quorate/quorate/internal/engine/consul/wire"
)

// rotateKey makes one change of the keys on all that gossip sees. It is refused by
// a server that does not lead, and where somebody in gossip, perhaps a client that
// the operator does not know, would be left without the key that the others use.
func (l *local) rotateKey(ctx context.Context, s engine.Step) error {
	if s.Key == nil {
		return errors.New("it does not say which change")
	}
	if l.open() {
		return errors.New("the set has no key of gossip, and one that was given it would not understand the others")
	}
	key := s.Credentials[s.Key.Credential]
	if key == "" || engine.KeyHash([]byte(key)) != s.Key.Hash {
		return fmt.Errorf("%w: the key that came with it is another", wire.ErrStale)
	}
	client, _, err := l.asLeader(ctx, s)
	if err != nil {
		return err
	}
	err = wire.ChangeKeys(ctx, client, s.Key.Phase, key)
	if management := s.Credentials[consul.CredentialManagement]; management != "" && wire.Refused(err) {
		if err := l.renewPolicy(ctx, management); err != nil {
			return err
		}
		err = wire.ChangeKeys(ctx, client, s.Key.Phase, key)
	}
	if err != nil {
		return fmt.Errorf("having gossip %s a key: %w", s.Key.Phase, err)
	}
	return nil
}

// renewPolicy gives the agents' token what it needs to rotate keys.
func (l *local) renewPolicy(ctx context.Context, management string) error {
	client, err := l.clientWith(management)
	if err != nil {
		return err
	}
	_, err = wire.EnsurePolicy(ctx, client, consul.AgentRules(l.config.Member))
	return err
}
