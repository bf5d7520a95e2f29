// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"context"
	"fmt"
	"slices"

	"github.com/hashicorp/consul/api"

	"github.com/quorate/quorate/internal/engine"
)

// ChangeKeys makes one change of the keys on all that gossip sees. It is refused where
// somebody would be left without the key that the others use.
func ChangeKeys(ctx context.Context, client *api.Client, phase engine.KeyPhase, key string) error {
	w := (&api.WriteOptions{}).WithContext(ctx)
	switch phase {
	case engine.KeyAdd:
		return client.Operator().KeyringInstall(key, w) //nolint:wrapcheck // the caller says what was being done
	case engine.KeyUse:
		if err := everybody(ctx, client, key, func(r *api.KeyringResponse) map[string]int { return r.Keys }); err != nil {
			return err
		}
		return client.Operator().KeyringUse(key, w) //nolint:wrapcheck // as above
	case engine.KeyRemove:
		if err := everybody(ctx, client, key, func(r *api.KeyringResponse) map[string]int { return r.PrimaryKeys }); err != nil {
			return err
		}
		return removeOthers(ctx, client, key)
	default:
		return fmt.Errorf("Consul knows no change %q of its keys", phase)
	}
}

// everybody tells, as an error, who in gossip is not counted for a key.
func everybody(ctx context.Context, client *api.Client, key string, counts func(*api.KeyringResponse) map[string]int) error {
	rings, err := client.Operator().KeyringList(Query(ctx))
	if err != nil {
		return fmt.Errorf("listing the keys: %w", err)
	}
	for _, r := range rings {
		if n := counts(r)[key]; n < r.NumNodes {
			return fmt.Errorf("%w: of %d in gossip, %d have come so far as to make this safe", ErrStale, r.NumNodes, n)
		}
	}
	return nil
}

// removeOthers takes every other key from all.
func removeOthers(ctx context.Context, client *api.Client, key string) error {
	rings, err := client.Operator().KeyringList(Query(ctx))
	if err != nil {
		return fmt.Errorf("listing the keys: %w", err)
	}
	var others []string
	for _, r := range rings {
		for other := range r.Keys {
			if other != key && !slices.Contains(others, other) {
				others = append(others, other)
			}
		}
	}
	for _, other := range others {
		if err := client.Operator().KeyringRemove(other, (&api.WriteOptions{}).WithContext(ctx)); err != nil {
			return err //nolint:wrapcheck // the caller says what was being done
		}
	}
	return nil
}
