// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
)

// A key that all servers share is rotated while they run, with an overlap; how, where
// they read it when they start alone, see reread.go. Else: at
// every moment each of two servers has the key that the other one uses (law 7).
//
//  1. introduce: the Secret has the next key beside the present one;
//  2. add: every server has both;
//  3. use: every server uses the next one;
//  4. promote: the next one is the present one in the Secret, beside the former;
//  5. forget: the Secret has the present one alone;
//  6. remove: no server has any other.
//
// Which of them is due follows from the Secret and from what each agent finds on
// its own volume, which is what a server has that starts again; the ledger says
// only that a rotation is under way, for which request, and which key it leaves
// behind. So a crash anywhere resumes, and what did not reach a server is done
// again. A change is made only while every member is heard and is a healthy
// voter. Who comes meanwhile gets all keys of the Secret, see keyMounted, with
// which it can talk to the others in any phase: the former is forgotten only where
// all who have come since the promotion use the present one from the start, so that
// a promotion that comes late, by a manager that was overtaken, harms nobody.
//
// A rotation that was begun is completed, whatever the annotation says by then:
// there is nothing to be gained by going back half-way.

// Rotation is one that is under way.
type Rotation struct {
	// Request is what the user asked for; empty where the ledger does not know.
	Request string `json:"request"`
	// From is the hash of the key that is left behind.
	From string `json:"from"`
}

func (r *Rotation) clone() *Rotation {
	if r == nil {
		return nil
	}
	out := *r
	return &out
}

func (r *Rotation) equal(o *Rotation) bool {
	return r == o || r != nil && o != nil && *r == *o
}

// Keys are hashes of the key that all servers share, in the Secret.
type Keys struct {
	// Current is that of the present one.
	Current string
	// Next is that of the one that is to take its place, and Former that of the one
	// whose place it has taken; empty where there is none.
	Next, Former string
}

// target is the key that all servers shall use.
func (k Keys) target() string { return orElse(k.Next, k.Current) }

// settleRotation notes that a request was carried out. One that was there before
// the set formed was: the key is new.
func (p *draft) settleRotation() {
	asked := p.asked()
	switch r, keys := p.ledger.Rotation, p.state.Keys; {
	case !p.ledger.Formed:
		p.ledger.Rotated = asked
	case r == nil || keys == nil || keys.Current == r.From || keys.Next != "" || keys.Former != "":
	case p.onlyUse(keys.Current):
		p.ledger.Rotated, p.ledger.Rotation = orElse(r.Request, p.ledger.Rotated), nil
	}
}

// asked is the user's request, if the engine knows what it names.
func (p *draft) asked() string {
	c, ok := p.traits.Rotated()
	if !ok || p.state.Wanted.Rotate.Name != c.Rotates {
		return ""
	}
	return p.state.Wanted.Rotate.String()
}

// onlyUse tells whether every member is known to have one key and no other.
func (p *draft) onlyUse(key string) bool {
	rings, silent := p.rings()
	return len(silent) == 0 && !slices.ContainsFunc(rings, func(r []string) bool { return len(r) != 1 || r[0] != key })
}

// rings are the keys that members have on their volumes, and the names of those
// of whom that is not known. Who has no volume has no key.
func (p *draft) rings() (rings [][]string, silent []string) {
	for _, name := range p.granted() {
		if p.ledger.Members[name].ClaimUID == "" {
			continue
		}
		if r := p.reportOf(name); r != nil && len(r.Server.Keys) > 0 {
			rings = append(rings, r.Server.Keys)
		} else {
			silent = append(silent, name)
		}
	}
	return rings, silent
}

// reportOf returns what a member's agent says, or nil.
func (p *draft) reportOf(name string) *engine.Report {
	m := p.state.member(name)
	if m == nil {
		return nil
	}
	return p.state.trusted(*m)
}

// rotation is the next change of the keys, if one is asked for or under way. It is
// where the Secret has another key beside the present one, though the ledger may
// be older than that.
func (p *draft) rotation() []candidate {
	spec, has := p.traits.Rotated()
	keys, asked := p.state.Keys, p.asked()
	begun := p.ledger.Rotation != nil || keys != nil && (keys.Next != "" || keys.Former != "")
	if !has || keys == nil || !begun && (asked == "" || asked == p.ledger.Rotated) {
		return nil
	}
	c, due := p.nextKeyChange(*keys), true
	if p.rereads() {
		c, due = p.nextReread(*keys)
	}
	if !due {
		return nil
	}
	c.Credential = spec.Key
	if keys.Next != "" {
		c.Credential = engine.NextKey(spec.Key)
	}
	step := p.keyStep(c)
	step.Kind, step.Key = engine.StepRotateKey, &c
	step.Why = keyWords[c.Phase] + ", as " + v1alpha1.AnnotationRotate + " asks"
	if !c.Phase.InSecret() {
		step.Secrets = append(slices.Clone(step.Secrets), c.Credential)
	}
	return []candidate{{step: step}}
}

// keyStep is the engine's word on who carries a change out. Where nobody can be asked
// the guards say why, and where nobody needs to be it is shown with the leader.
func (p *draft) keyStep(c engine.KeyChange) engine.Step {
	if rotator, ok := p.engine.(engine.KeyRotator); ok {
		if s, known := rotator.KeyStep(c, p.seen); known {
			return s
		}
	}
	return engine.Step{Member: p.out.Assessment.Leader}
}

var keyWords = map[engine.KeyPhase]string{
	engine.KeyIntroduce: "another key is made, to be beside the present one",
	engine.KeyAdd:       "every server shall have the new key beside the one that it uses",
	engine.KeyUse:       "every server shall use the new key, which all of them have",
	engine.KeyPromote:   "the new key, which all servers use, takes the place of the old one",
	engine.KeyForget:    "the Secret shall have the new key alone, which all servers use",
	engine.KeyRemove:    "no server shall have the old key any more, since all use the new one",
}

// nextKeyChange says what is due by what is known. Where not all is known, the
// guards hold it back.
func (p *draft) nextKeyChange(k Keys) engine.KeyChange {
	rings, _ := p.rings()
	lacks := func(r []string) bool { return !slices.Contains(r, k.target()) }
	other := func(r []string) bool { return r[0] != k.target() }
	promoted := p.ledger.Rotation != nil && p.ledger.Rotation.From != k.Current
	c := engine.KeyChange{Phase: engine.KeyRemove, Hash: k.target()}
	switch {
	case k.Next == "" && k.Former == "" && !promoted:
		c.Phase = engine.KeyIntroduce
	case slices.ContainsFunc(rings, lacks):
		c.Phase = engine.KeyAdd
	case slices.ContainsFunc(rings, other):
		c.Phase = engine.KeyUse
	case k.Next != "":
		c.Phase = engine.KeyPromote
	case k.Former != "":
		c.Phase = engine.KeyForget
	}
	return c
}

// admitKeyChange has the Secret written, or the member asked whose step it is. A
// rotation is in the ledger before the Secret has anything of it.
func (p *draft) admitKeyChange(s engine.Step) bool {
	if p.ledger.Rotation == nil {
		p.ledger.Rotation = &Rotation{Request: p.asked(), From: orElse(p.state.Keys.Former, p.state.Keys.Current)}
	}
	if s.Key.Phase.InSecret() {
		p.out.WriteKey = s.Key.Phase
		return true
	}
	return false
}

// keysKnown refuses a change of the keys while any member's are not known, or it
// may miss the change: it could come back with nothing but the old one.
func keysKnown(p *draft, s engine.Step) string {
	if s.Kind != engine.StepRotateKey {
		return ""
	}
	if _, silent := p.rings(); len(silent) > 0 {
		return "it is not known which keys " + strings.Join(silent, ", ") + " has"
	}
	for _, name := range p.granted() {
		if p.ledger.Members[name].ClaimUID != "" && !p.healthyMember(name) {
			return name + " is not a healthy member with its vote, and would miss it"
		}
	}
	return ""
}

// keyMounted refuses to let a member join before its agent has the present keys at
// hand, which it gives to the server: a pod may have waited at its gate since
// before a rotation. So it does where nobody who is known to have keys has the
// Secret's: that is older than a rotation, and who gets it could talk to nobody.
func keyMounted(p *draft, s engine.Step) string {
	spec, has := p.traits.Rotated()
	if s.Kind != engine.StepGrant || !has || p.state.Keys == nil {
		return ""
	}
	if p.rotating() && p.agentDiffers(s.Member) {
		return "the agent of " + s.Member + " has another image than the operator's, and may not know of rotations"
	}
	if !p.mountedKeys(p.reportOf(s.Member), spec) {
		return "the kubelet has yet to mount the present key for " + s.Member
	}
	rings, _ := p.rings()
	has = slices.ContainsFunc(rings, func(r []string) bool { return slices.Contains(r, p.state.Keys.Current) })
	if len(rings) > 0 && !has {
		if spec.Restarts {
			return "no member has the key that is in the Secret, which seems to be from before a rotation; restore the newest one"
		}
		return fmt.Sprintf("no member has the key that is in the Secret, which seems to be from before a rotation; restore the newest one, or have another key made with the annotation %s=%s:WORD",
			v1alpha1.AnnotationRotate, spec.Rotates)
	}
	return ""
}

// rotating tells whether a rotation is under way, or has left anything behind.
func (p *draft) rotating() bool {
	return p.ledger.Rotation != nil || p.state.Keys.Next != "" || p.state.Keys.Former != ""
}

// agentDiffers tells whether a pod's agent is not the present one, or does not run
// as that yet.
func (p *draft) agentDiffers(member string) bool {
	m, want := p.state.member(member), p.state.Wanted.Agent
	return want != "" && m.Pod != nil && (m.Pod.Agent != want || !m.Pod.AgentSettled)
}

// askAboutRotation calls the user where a request cannot be carried out.
func (p *draft) askAboutRotation() {
	if !p.ledger.Formed {
		return // it holds up nothing, least of all the formation
	}
	w := p.state.Wanted
	spec, has := p.traits.Rotated()
	switch {
	case p.rereads() && p.outdatedSecret():
		p.stall(v1alpha1.ReasonCredentialsLost, "the members' Secret has a key that no server has, and seems to be from before a rotation; no server is restarted with it: restore the newest one")
	case w.RotateUnreadable != "" && has:
		p.stall(v1alpha1.ReasonRotationRefused, fmt.Sprintf("%s; write %s:WORD with any word that was not given before, or remove the annotation", w.RotateUnreadable, spec.Rotates))
	case w.RotateUnreadable != "":
		p.stall(v1alpha1.ReasonRotationRefused, w.RotateUnreadable+"; this engine has nothing that is rotated so: remove the annotation")
	case w.Rotate.Name != "" && !has:
		p.stall(v1alpha1.ReasonRotationRefused, fmt.Sprintf("annotation %s asks for %q, and this engine has nothing that is rotated so; remove the annotation", v1alpha1.AnnotationRotate, w.Rotate.Name))
	case w.Rotate.Name != "" && w.Rotate.Name != spec.Rotates:
		p.stall(v1alpha1.ReasonRotationRefused, fmt.Sprintf("annotation %s asks for %q, and what can be rotated is %s; write %[3]s:WORD with any word that was not given before, or remove the annotation",
			v1alpha1.AnnotationRotate, w.Rotate.Name, spec.Rotates))
	}
}
