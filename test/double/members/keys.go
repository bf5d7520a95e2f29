// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package members

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/types"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/enginetest"
)

// gossip is the credential that the servers share.
const gossip = "gossip"

// number returns the model's name for a key.
func (s *set) number(hash string) uint8 {
	i := slices.Index(s.keys, hash)
	if i < 0 {
		s.keys, i = append(s.keys, hash), len(s.keys)
	}
	return uint8(i) + 1
}

// giveKeys gives a server that has none the keys which its pod has mounted.
func (s *set) giveKeys(m *member) {
	var keys []uint8
	for _, name := range []string{gossip, engine.NextKey(gossip), engine.FormerKey(gossip)} {
		if value := m.pod.Mounted[name]; len(value) > 0 {
			keys = append(keys, s.number(engine.KeyHash(value)))
		}
	}
	s.model.GiveKeys(m.pod.number, keys)
}

// outward puts the model's hashes of keys into real ones.
func (s *set) outward(hashes []string) []string {
	var out []string
	for _, h := range hashes {
		out = append(out, s.keys[enginetest.KeyOf(h)-1])
	}
	return out
}

// inward puts a change of keys into the model's words. The key must have come with
// it, and be the one that it is about.
func (s *set) inward(step engine.Step) (*engine.KeyChange, error) {
	if value := step.Credentials[step.Key.Credential]; engine.KeyHash([]byte(value)) != step.Key.Hash {
		return nil, fmt.Errorf("the key %s did not come with the step, or is another", step.Key.Credential)
	}
	out := *step.Key
	out.Hash = enginetest.KeyHash(s.number(step.Key.Hash))
	return &out, nil
}

// checkKeys notes where two servers that run do not understand each other.
func (s *set) checkKeys() {
	for i, a := range s.members {
		for j, b := range s.members {
			if a == nil || b == nil || !s.model.Running(i) || !s.model.Running(j) {
				continue
			}
			used, has := s.model.Keys(i), s.model.Keys(j)
			if len(used) == 0 || !slices.Contains(has, used[0]) {
				s.crashes = append(s.crashes, fmt.Sprintf("%s has the keys %v, and %s %v", a.pod.Name, used, b.pod.Name, has))
			}
		}
	}
}

// Keys returns the hashes of the keys that each member of a Datastore has which
// runs, the one that it uses first.
func (w *World) Keys(datastore types.NamespacedName) map[string][]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[string][]string{}
	for _, m := range w.set(datastore).members {
		if m != nil {
			out[m.pod.Name] = m.observe().Keys
		}
	}
	return out
}
