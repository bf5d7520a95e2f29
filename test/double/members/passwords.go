// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package members

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/quorate/quorate/internal/engine"
)

// mountedPassword is the credential by which the agents log in; any other password that
// is rotated travels with steps.
const mountedPassword = "agent-token"

// passwords are those that the servers of a set take instead of their first ones, and
// by whom and when each was changed last.
type passwords struct {
	hashes map[string]string // by the key of the credential
	term   map[string]uint64
	leader map[string]string
}

// isPassword tells a change of a password from one of the servers' own key.
func isPassword(s engine.Step) bool {
	return s.Key != nil && strings.TrimSuffix(s.Key.Credential, engine.NextKey("")) != gossip
}

// change has a set take another password, which must have come with the step.
func (p *passwords) change(leader engine.Server, s engine.Step) error {
	if value := s.Credentials[s.Key.Credential]; s.Key.Phase != engine.KeyUse || engine.KeyHash([]byte(value)) != s.Key.Hash {
		return fmt.Errorf("the password %s did not come with the step, or is another", s.Key.Credential)
	}
	if p.hashes == nil {
		p.hashes, p.term, p.leader = map[string]string{}, map[string]uint64{}, map[string]string{}
	}
	key := strings.TrimSuffix(s.Key.Credential, engine.NextKey(""))
	p.hashes[key], p.term[key], p.leader[key] = s.Key.Hash, leader.Term, leader.ID
	return nil
}

// lets returns the hash of the password by which an agent is let in; empty where it has
// none that its server takes.
func (p *passwords) lets(m *member) string {
	for _, name := range []string{mountedPassword, engine.NextKey(mountedPassword)} {
		value := m.pod.Mounted[name]
		hash := engine.KeyHash(value)
		if len(value) > 0 && (p.hashes[mountedPassword] == "" || p.hashes[mountedPassword] == hash) {
			return hash
		}
	}
	return ""
}

// logins are what an agent tells of the passwords.
func (p *passwords) logins(m *member, s engine.Server) map[string]string {
	if !s.Running {
		return nil
	}
	out := map[string]string{}
	if hash := p.lets(m); hash != "" {
		out[mountedPassword] = hash
	}
	for key, hash := range p.hashes {
		if key != mountedPassword && s.Leader && p.term[key] == s.Term && p.leader[key] == s.ID {
			out[key] = hash
		}
	}
	return out
}

// checkPasswords notes where an agent is kept out.
func (s *set) checkPasswords() {
	for _, m := range s.members {
		if m != nil && s.model.Running(m.pod.number) && s.passwords.lets(m) == "" {
			s.crashes = append(s.crashes, "the agent of "+m.pod.Name+" is kept out")
		}
	}
}

// Passwords returns the hashes of the passwords that the servers of a Datastore take
// instead of their first ones, by the key of the credential.
func (w *World) Passwords(datastore types.NamespacedName) map[string]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[string]string{}
	for key, hash := range w.set(datastore).passwords.hashes {
		out[key] = hash
	}
	return out
}
