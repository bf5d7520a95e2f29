// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"slices"

	"github.com/quorate/quorate/internal/agent/mounts"
	"github.com/quorate/quorate/internal/engine"
)

// Where servers read the key that they share when they start alone, a rotation is two
// rollouts. The Secret's keys are in the pod from its beginning, so that a pod which is
// made anew brings its server what the Secret has then:
//
//  1. introduce: the Secret has the next key beside the present one;
//  2. every pod whose server has read other keys than that is replaced, one at a time
//     and the leader last, as for a changed template;
//  3. promote: the Secret has the next one alone;
//  4. as 2.
//
// The Secret is written only where every member is known to have read what it has. Two
// servers with a key in common understand each other, so that nobody is alone at any
// moment. Which part is due follows from the Secret and the reports alone.

// ring is what a server has that has read the Secret as it is.
func (k Keys) ring() []string {
	return slices.DeleteFunc([]string{k.Current, k.Next, k.Former}, func(hash string) bool { return hash == "" })
}

// rereads tells whether the servers read the key when they start, and alone then.
func (p *draft) rereads() bool {
	spec, has := p.traits.SharedKey()
	return has && spec.Restarts && p.state.Keys != nil
}

// hasOtherKeys tells whether a member's server is to be restarted for its keys. That
// waits until its kubelet has mounted what the Secret has, and is not done for a Secret
// that nobody else shares a key with: it is older than a rotation, and whoever read it
// would be alone.
func (p *draft) hasOtherKeys(m Member) bool {
	r := p.state.trusted(m)
	if !p.rereads() || r == nil || r.Volume != engine.VolumeMember || len(r.Server.Keys) == 0 || slices.Equal(r.Server.Keys, p.state.Keys.ring()) {
		return false
	}
	spec, _ := p.traits.SharedKey()
	return p.mountedKeys(r, spec) && p.othersShare(m.Name)
}

// elderInit tells whether a pod that is made now would have another init container
// than the present one, which is what writes the keys down for the server.
func (p *draft) elderInit() bool {
	want, set := p.state.Wanted.Agent, p.state.Set
	return want != "" && set != nil && set.Agent != "" && set.Agent != want
}

// dueForKeys tells whether a member may be the next to be restarted for its keys. Who
// leads waits for all others, also for those whose kubelets have yet to mount what the
// Secret has: it would hand over to one that has to go after it, and does that in turn.
func (p *draft) dueForKeys(m Member) bool {
	if !p.hasOtherKeys(m) {
		return false
	}
	return m.Name != p.out.Assessment.Leader || !slices.ContainsFunc(p.state.Members, func(o Member) bool {
		r := p.state.trusted(o)
		return o.Name != m.Name && p.stays(o) && r != nil && r.Volume == engine.VolumeMember && len(r.Server.Keys) > 0 &&
			!slices.Equal(r.Server.Keys, p.state.Keys.ring())
	})
}

// mountedKeys tells whether a member's kubelet has mounted what the Secret has.
func (p *draft) mountedKeys(r *engine.Report, spec engine.Credential) bool {
	keys := p.keysOf(spec)
	for key, hash := range map[string]string{
		spec.Key: keys.Current, engine.NextKey(spec.Key): keys.Next, engine.FormerKey(spec.Key): keys.Former,
	} {
		if r == nil || r.Mounts[mounts.Key(mounts.Member, key)] != hash {
			return false
		}
	}
	return true
}

// othersShare tells whether some other member has a key of the Secret's, or there is
// no other.
func (p *draft) othersShare(name string) bool {
	others := false
	for _, n := range p.granted() {
		if n == name || p.ledger.Members[n].ClaimUID == "" {
			continue
		}
		others = true
		r := p.reportOf(n)
		if r != nil && slices.ContainsFunc(r.Server.Keys, func(k string) bool { return slices.Contains(p.state.Keys.ring(), k) }) {
			return true
		}
	}
	return !others
}

// outdatedSecret tells whether servers are known to have keys, and none of them one that the
// Secret has.
func (p *draft) outdatedSecret() bool {
	rings, _ := p.rings()
	return len(rings) > 0 && !slices.ContainsFunc(rings, func(r []string) bool {
		return slices.ContainsFunc(r, func(k string) bool { return slices.Contains(p.state.Keys.ring(), k) })
	})
}

// nextReread is the next write to the Secret, false where none is due: the pods are
// replaced first.
func (p *draft) nextReread(k Keys) (engine.KeyChange, bool) {
	rings, _ := p.rings()
	if slices.ContainsFunc(rings, func(r []string) bool { return !slices.Equal(r, k.ring()) }) {
		return engine.KeyChange{}, false
	}
	switch promoted := p.ledger.Rotation != nil && p.ledger.Rotation.From != k.Current; {
	case k.Next != "":
		return engine.KeyChange{Phase: engine.KeyPromote, Hash: k.Next}, true
	case k.Former != "":
		return engine.KeyChange{Phase: engine.KeyForget, Hash: k.Current}, true
	case !promoted:
		return engine.KeyChange{Phase: engine.KeyIntroduce, Hash: k.Current}, true
	}
	return engine.KeyChange{}, false
}
