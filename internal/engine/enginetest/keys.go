// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/agent/mounts"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/plan"
)

// Keyed is a model of servers that share a key, see engine.KeyRotator. Keys are
// numbers.
type Keyed interface {
	// GiveKeys puts keys on the volume of a member that has none, as the agent does
	// before the server starts for the first time. Where servers read their keys when
	// they start alone, it puts them into the pod, instead of those that are there: when
	// the pod begins, and before the server first starts.
	GiveKeys(member int, keys []uint8)
	// Keys are those on a member's volume, or in its pod, the one that it uses first.
	Keys(member int) []uint8
}

// secret is what a Secret has of keys; 0 for none.
type secret struct{ current, next, former uint8 }

// keys are those that the Secret has, the present one first.
func (s secret) keys() []uint8 {
	return slices.DeleteFunc([]uint8{s.current, s.next, s.former}, func(k uint8) bool { return k == 0 })
}

// KeyHash is the hash of a key by its number; KeyOf is the number.
func KeyHash(key uint8) string {
	if key == 0 {
		return ""
	}
	return fmt.Sprintf("key-%d", key)
}

// KeyOf returns the number of the key that has a hash.
func KeyOf(hash string) (key uint8) {
	if _, err := fmt.Sscanf(hash, "key-%d", &key); err != nil {
		panic("no hash of a key of the model: " + hash)
	}
	return key
}

// keyed is the credential that can be rotated, where engine and model know one.
func (w *World) keyed() (engine.Credential, bool) { return w.sc.credential, w.sc.keyed }

// observeKeys puts the Secret and the user's request into what a manager reads.
func (sc *Scenario) observeKeys(v view, s *plan.State) {
	if !sc.keyed {
		return
	}
	k := plan.Keys{Current: KeyHash(v.secret.current), Next: KeyHash(v.secret.next), Former: KeyHash(v.secret.former)}
	if sc.credential.Login {
		s.Passwords = map[string]plan.Keys{sc.credential.Key: k}
	} else {
		s.Keys = &k
	}
	if n := v.wanted.Rotate; n > 0 {
		s.Wanted.Rotate = v1alpha1.Rotation{Name: sc.credential.Rotates, Word: fmt.Sprint(n)}
	}
}

// mountsOf are the hashes of what a member has mounted.
func (w *World) mountsOf(i int) map[string]string {
	c, has := w.keyed()
	if !has || !c.Mounted {
		return nil
	}
	m := w.members[i].mounted
	out := map[string]string{mounts.Key(mounts.Member, c.Key): KeyHash(m.current)}
	if m.next != 0 {
		out[mounts.Key(mounts.Member, engine.NextKey(c.Key))] = KeyHash(m.next)
	}
	if m.former != 0 {
		out[mounts.Key(mounts.Member, engine.FormerKey(c.Key))] = KeyHash(m.former)
	}
	return out
}

// mount is the kubelet bringing a pod's Secret up to date.
func (w *World) mount(i int) { w.members[i].mounted = w.secret }

func (w *World) canMount(i int) bool {
	m := &w.members[i]
	return m.booted && !m.slow && m.mounted != w.secret
}

// giveKeys has the agent put the keys that it has mounted on a volume.
func (w *World) giveKeys(i int) {
	if c, has := w.keyed(); has && !c.Login {
		w.model.(Keyed).GiveKeys(i, w.members[i].mounted.keys())
	}
}

// renderKeys has the init container put what is mounted into a pod that begins, where
// servers read their keys from there.
func (w *World) renderKeys(i int) {
	if c, has := w.keyed(); has && c.Restarts {
		w.model.(Keyed).GiveKeys(i, w.members[i].mounted.keys())
	}
}

// waitWithFormerKey has a key rotated, and the next member wait at its gate with what
// was mounted before that.
func (w *World) waitWithFormerKey() {
	wanted, former := w.wanted, w.secret
	w.wanted.Replicas--
	w.settle()
	w.wanted = wanted
	i := int(w.wanted.Replicas) - 1
	w.set = w.set.sized(int32(w.wanted.Replicas))
	w.create(i)
	w.boot(i)
	w.members[i].mounted, w.members[i].slow = former, true
}

// nextSecret is the Secret that a decision asks for, of the one that it was made
// on. A key that is made is never one that was before.
func (w *World) nextSecret(p *pass) secret {
	next := p.secret
	switch p.decision.WriteKey {
	case engine.KeyIntroduce:
		next.next = w.keysMade + 1
		if c, _ := w.keyed(); c.Login && w.sc.Executor.ForgetAtOnce {
			next = secret{current: next.next}
		}
	case engine.KeyPromote:
		next = secret{current: next.next, former: next.current}
		if c, _ := w.keyed(); c.Restarts || c.Login || w.sc.Executor.ForgetAtOnce {
			next.former = 0
		}
	case engine.KeyForget:
		next.former = 0
	}
	return next
}

// writeSecret changes the Secret if it is as it was read.
func (w *World) writeSecret(p *pass) bool {
	if w.secret != p.secret && !w.sc.Executor.UncheckedSecret {
		return false
	}
	if l := w.ledger.get(); l == nil || l.Rotation == nil {
		w.violate("ledger before Secret: the Secret is changed for a rotation that the ledger does not have")
	}
	w.secret = w.nextSecret(p)
	w.keysMade = max(w.keysMade, w.secret.next, w.secret.current)
	return true
}

// inSet tells whether a member is in the membership: who merely runs need not be
// understood.
func (w *World) inSet(i int) bool { return w.model.Truth().peers(i) > 0 }

// checkKeys asserts that any two servers that run understand each other: each has
// the key that the other one uses (law 7). Where servers read their keys when they
// start alone, two members have one in common.
func (w *World) checkKeys() {
	c, has := w.keyed()
	if !has {
		return
	}
	if c.Login {
		w.checkLogins(c)
		return
	}
	k := w.model.(Keyed)
	for i := range w.sc.Members {
		for j := range w.sc.Members {
			a, b := k.Keys(i), k.Keys(j)
			if !w.model.Running(i) || !w.model.Running(j) {
				continue
			}
			shared := slices.ContainsFunc(a, func(key uint8) bool { return slices.Contains(b, key) })
			if c.Restarts && !shared && w.inSet(i) && w.inSet(j) {
				w.violate("law 7: %s and %s have no key in common: %v and %v", Name(i), Name(j), a, b)
			}
			if !c.Restarts && !slices.Contains(b, a[0]) {
				w.violate("law 7: %s uses a key that %s does not have: %v and %v", Name(i), Name(j), a, b)
			}
		}
	}
}

// checkKeyChange asserts, as a change is asked for, that nobody who has a volume
// would be without a key that the others use, whether its server runs or not.
func (w *World) checkKeyChange(p *pass, a plan.Ask) {
	if c, _ := w.keyed(); a.Kind() != engine.StepRotateKey || !p.fresh || c.Login {
		return
	}
	key := KeyOf(a.Step.Key.Hash)
	for i := range w.sc.Members {
		ring := w.model.(Keyed).Keys(i)
		if len(ring) == 0 || !w.members[i].volume.marked || w.members[i].volume.leaving {
			continue
		}
		switch phase := a.Step.Key.Phase; {
		case phase == engine.KeyUse && !slices.Contains(ring, key):
			w.violate("law 7: %s is to be used, and %s does not have it: %v", KeyHash(key), Name(i), ring)
		case phase == engine.KeyRemove && ring[0] != key:
			w.violate("law 7: all keys but %s are to go, and %s uses another: %v", KeyHash(key), Name(i), ring)
		}
	}
}

// describeKeys tells of the keys, for the way to a breach.
func (w *World) describeKeys(b *strings.Builder) {
	c, has := w.keyed()
	if !has {
		return
	}
	fmt.Fprintf(b, " | keys %v", w.secret.keys())
	if c.Login {
		w.describeLogins(b)
		return
	}
	for i := range w.sc.Members {
		fmt.Fprintf(b, " %d:%v", i, w.model.(Keyed).Keys(i))
	}
}

// unrotated says what is left of a rotation, or that one was not carried out.
func (w *World) unrotated() string {
	l := w.ledger.get()
	c, has := w.keyed()
	if !has || l == nil {
		return ""
	}
	want := v1alpha1.Rotation{Name: c.Rotates, Word: fmt.Sprint(w.wanted.Rotate)}
	switch {
	case len(w.secret.keys()) > 1 || l.Rotation != nil:
		return "a rotation is not over"
	case w.wanted.Rotate > 0 && l.Rotated != want.String():
		return "the key was not rotated"
	case c.Login:
		return w.otherPassword()
	}
	for i := range w.sc.Members {
		if ring := w.model.(Keyed).Keys(i); w.model.Running(i) && i < int(w.wanted.Replicas) && !slices.Equal(ring, []uint8{w.secret.current}) {
			return fmt.Sprintf("%s has the keys %v", Name(i), ring)
		}
	}
	return ""
}
