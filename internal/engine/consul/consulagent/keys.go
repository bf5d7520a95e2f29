// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consulagent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/hashicorp/consul/api"

	"github.com/quorate/quorate/internal/agent/atomicfile"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
)

// A server keeps the keys of gossip in a file on its volume, the one that it
// encrypts with first, and reads nothing else when it starts again: the setting
// `encrypt` counts only where there is no such file. It writes the file after it
// has made a change in memory, so that the file has no key which the server lacks,
// and what a change has taken away may still be in it.

func (l *local) keyFile() string { return filepath.Join(l.config.DataDir, "serf", "local.keyring") }

// keyHashes are those of the keys on the volume; none where they cannot be read,
// as before the server has started, or while it writes them.
func (l *local) keyHashes() []string {
	content, err := l.durableKeys()
	if err != nil {
		return nil
	}
	var keys []string
	if json.Unmarshal(content, &keys) != nil || len(keys) > mostKeys {
		return nil
	}
	l.mu.Lock()
	l.lastKeys = string(content)
	l.mu.Unlock()
	var out []string
	for _, key := range keys {
		out = append(out, engine.KeyHash([]byte(key)))
	}
	return out
}

// durableKeys reads the file, and has it written to the disk where it has changed:
// the server does not see to that, and what is reported must outlive the node.
func (l *local) durableKeys() ([]byte, error) {
	f, err := os.Open(l.keyFile())
	if err != nil {
		return nil, err //nolint:wrapcheck // it is not reported
	}
	defer func() { _ = f.Close() }() // it was only read
	content, err := io.ReadAll(io.LimitReader(f, mostKeyBytes))
	if err != nil {
		return nil, err //nolint:wrapcheck // as above
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if string(content) == l.syncedKeys {
		return content, nil
	}
	if err := l.syncFile(f); err != nil {
		return nil, err
	}
	l.syncedKeys = string(content)
	return content, nil
}

// mostKeyBytes bounds the file.
const mostKeyBytes = 64 << 10

// mostKeys bounds the keys that are reported.
const mostKeys = 16

// giveKeys writes the file for a server that has none yet, with the keys that are
// mounted now. The setting will not do: it is one key, and it was rendered when the
// pod was made, which can be a rotation ago. While one is under way the others may
// use another key, and have the present one in any case. Keys that are there are
// left as they are: the server has them, and may have others by now than the
// kubelet has mounted; but for a file that makes no sense, see mendKeys.
func (l *local) giveKeys() error {
	if _, err := os.Stat(l.keyFile()); err == nil {
		return l.mendKeys()
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err //nolint:wrapcheck // it names the file
	}
	keys := l.mountedKeys()
	if len(keys) == 0 {
		return nil // the server makes the file from the setting
	}
	return l.writeKeys(keys)
}

// mountedKeys are those in the Secret as the kubelet shows it, the present one
// first.
func (l *local) mountedKeys() (keys []string) {
	for _, name := range []string{consul.CredentialGossip, engine.NextKey(consul.CredentialGossip), engine.FormerKey(consul.CredentialGossip)} {
		if key := readText(filepath.Join(l.config.SecretDir, name)); key != "" {
			keys = append(keys, key)
		}
	}
	return keys
}

// writeKeys writes the file so that a server sees all of it or none.
func (l *local) writeKeys(keys []string) error {
	content, err := json.MarshalIndent(keys, "", "  ")
	if err != nil {
		panic("texts are always valid JSON: " + err.Error())
	}
	if err := os.MkdirAll(filepath.Dir(l.keyFile()), 0o755); err != nil {
		return fmt.Errorf("make the folder for the keys of gossip: %w", err)
	}
	if err := atomicfile.WriteSynced(l.keyFile(), content, 0o600, func() {}); err != nil {
		return fmt.Errorf("write the keys of gossip: %w", err)
	}
	return nil
}

// rotateKey makes one change of the keys on all that gossip sees. It is refused by
// a server that does not lead, and where somebody in gossip, perhaps a client that
// the operator does not know, would be left without the key that the others use.
func (l *local) rotateKey(ctx context.Context, s engine.Step) error {
	if s.Key == nil {
		return errors.New("it does not say which change")
	}
	key := s.Credentials[s.Key.Credential]
	if key == "" || engine.KeyHash([]byte(key)) != s.Key.Hash {
		return fmt.Errorf("%w: the key that came with it is another", errStale)
	}
	client, _, err := l.asLeader(ctx, s)
	if err != nil {
		return err
	}
	err = changeKeys(ctx, client, s.Key.Phase, key)
	if management := s.Credentials[consul.CredentialManagement]; management != "" && refused(err) {
		if err := l.renewPolicy(ctx, management); err != nil {
			return err
		}
		err = changeKeys(ctx, client, s.Key.Phase, key)
	}
	if err != nil {
		return fmt.Errorf("having gossip %s a key: %w", s.Key.Phase, err)
	}
	return nil
}

// changeKeys makes one change on all.
func changeKeys(ctx context.Context, client *api.Client, phase engine.KeyPhase, key string) error {
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

// renewPolicy gives the agents' token what it needs to rotate keys.
func (l *local) renewPolicy(ctx context.Context, management string) error {
	client, err := l.clientWith(management)
	if err != nil {
		return err
	}
	_, err = ensurePolicy(ctx, client, consul.AgentRules(l.config.Member))
	return err
}

// everybody tells, as an error, who in gossip is not counted for a key.
func everybody(ctx context.Context, client *api.Client, key string, counts func(*api.KeyringResponse) map[string]int) error {
	rings, err := client.Operator().KeyringList(query(ctx))
	if err != nil {
		return fmt.Errorf("listing the keys: %w", err)
	}
	for _, r := range rings {
		if n := counts(r)[key]; n < r.NumNodes {
			return fmt.Errorf("%w: of %d in gossip, %d have come so far as to make this safe", errStale, r.NumNodes, n)
		}
	}
	return nil
}

// removeOthers takes every other key from all.
func removeOthers(ctx context.Context, client *api.Client, key string) error {
	rings, err := client.Operator().KeyringList(query(ctx))
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
