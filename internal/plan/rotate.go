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
// they read it when they start alone, see reread.go, and how a password is, by which
// somebody logs in to them, password.go. Else: at
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
// there is nothing to be gained by going back half-way. Of several credentials one is
// rotated at a time, see inHand.

// Rotation is one that is under way.
type Rotation struct {
	// Request is what the user asked for; empty where the ledger does not know.
	Request string `json:"request"`
	// Credential is the key of the password that is rotated; empty where it is the key
	// that all servers share, as in ledgers from when there was nothing else.
	Credential string `json:"credential,omitempty"`
	// From is the hash of the key that is left behind. Of a password there is none: one
	// that a person chose could be found by it.
	From string `json:"from"`
	// Promoted is set before the next password takes the present one's place.
	Promoted bool `json:"promoted,omitempty"`
}

// of tells whether a rotation is that of a credential.
func (r *Rotation) of(c engine.Credential) bool {
	return r != nil && (c.Login && r.Credential == c.Key || !c.Login && r.Credential == "")
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

// Keys are hashes of the key that all servers share, or of a password, in the Secret.
type Keys struct {
	// Current is that of the present one.
	Current string
	// Next is that of the one that is to take its place, and Former that of the one
	// whose place it has taken; empty where there is none.
	Next, Former string
}

// target is the key that all servers shall use.
func (k Keys) target() string { return orElse(k.Next, k.Current) }

// begun tells whether there is another one beside the present one.
func (k *Keys) begun() bool { return k != nil && (k.Next != "" || k.Former != "") }

// settleRotation notes that a request was carried out. One that was there before
// the set formed was: the key is new.
func (p *draft) settleRotation() {
	switch r, keys := p.ledger.Rotation, p.state.Keys; {
	case !p.ledger.Formed:
		p.ledger.Rotated = p.asked()
	case r != nil && r.Credential != "":
		p.settlePassword(*r)
	case r == nil || keys == nil || keys.Current == r.From || keys.Next != "" || keys.Former != "":
	case p.onlyUse(keys.Current):
		p.carriedOut(r.Request)
	}
}

// carriedOut notes that a rotation is over, and the request for it as the last one of
// its name. An empty one leaves the last ones as they are.
func (p *draft) carriedOut(request string) {
	l := p.ledger
	l.Rotation = nil
	name, last := nameOf(request), nameOf(l.Rotated)
	if request == "" {
		return
	}
	if last != name && last != "" {
		if l.RotatedElse == nil {
			l.RotatedElse = map[string]string{}
		}
		l.RotatedElse[last] = l.Rotated
	}
	delete(l.RotatedElse, name)
	l.Rotated = request
}

// wasCarriedOut tells whether a request is the last one of its name that was.
func (l *Ledger) wasCarriedOut(request string) bool {
	return request == l.Rotated || request == l.RotatedElse[nameOf(request)]
}

// nameOf is the name in a request NAME:WORD.
func nameOf(request string) string {
	name, _, _ := strings.Cut(request, ":")
	return name
}

// asked is the user's request, if the engine knows what it names.
func (p *draft) asked() string {
	for _, c := range p.traits.Rotatable() {
		if asked := p.askedOf(c); asked != "" {
			return asked
		}
	}
	return ""
}

// askedOf is the user's request, if it names a credential.
func (p *draft) askedOf(c engine.Credential) string {
	if p.state.Wanted.Rotate.Name != c.Rotates {
		return ""
	}
	return p.state.Wanted.Rotate.String()
}

// keysOf are what the Secret has of a credential; nil where it was not read.
func (p *draft) keysOf(c engine.Credential) *Keys {
	if !c.Login {
		return p.state.Keys
	}
	if k, read := p.state.Passwords[c.Key]; read {
		return &k
	}
	return nil
}

// inHand is the credential that is rotated now, or is to be next. It is, in this
// order: what the ledger says; what the Secrets have another one of, though the ledger
// may be older than that; and what the user asks for.
func (p *draft) inHand() (engine.Credential, bool) {
	asked := p.asked()
	for _, is := range []func(engine.Credential) bool{
		p.ledger.Rotation.of,
		func(c engine.Credential) bool { return p.keysOf(c).begun() },
		func(c engine.Credential) bool {
			return asked != "" && !p.ledger.wasCarriedOut(asked) && p.askedOf(c) == asked
		},
	} {
		all := p.traits.Rotatable()
		if i := slices.IndexFunc(all, is); i >= 0 {
			return all[i], p.keysOf(all[i]) != nil
		}
	}
	return engine.Credential{}, false
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

// rotation is the next change of the keys, or of a password, if one is asked for or
// under way.
func (p *draft) rotation() []candidate {
	spec, due := p.inHand()
	if !due || p.out.WriteKey != "" {
		return nil
	}
	keys, words := p.keysOf(spec), keyWords
	var c engine.KeyChange
	switch {
	case spec.Login:
		c, words = p.nextPassword(spec, *keys), passwordWords
	case spec.Restarts:
		c, due = p.nextReread(*keys)
	default:
		c = p.nextKeyChange(*keys)
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
	step.Why = words[c.Phase] + ", as " + v1alpha1.AnnotationRotate + " asks"
	if !c.Phase.InSecret() {
		step.Secrets = append(slices.Clone(step.Secrets), c.Credential)
	}
	return []candidate{{step: step}}
}

// rotations are the next change, by its turn. That of a key comes before the agents and
// the rollout, which may be a part of it. That of a password comes after them: it costs
// no server anything, and needs agents that know of it. Where the last try failed it is
// the very last, as reloads are, so that it holds nothing else up however often it fails.
func (p *draft) rotations() (key, password, refused []candidate) {
	due := p.rotation()
	if len(due) == 0 {
		return nil, nil, nil
	}
	spec, _ := p.inHand()
	switch r := p.reportOf(due[0].step.Member); {
	case !spec.Login:
		return due, nil, nil
	case r != nil && r.Action.Refusal(engine.StepRotateKey) != "":
		return nil, nil, due
	}
	return nil, due, nil
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
	spec, _ := p.inHand()
	switch {
	case p.ledger.Rotation != nil:
	case spec.Login:
		p.ledger.Rotation = &Rotation{Request: p.askedOf(spec), Credential: spec.Key}
	default:
		p.ledger.Rotation = &Rotation{Request: p.askedOf(spec), From: orElse(p.state.Keys.Former, p.state.Keys.Current)}
	}
	if !s.Key.Phase.InSecret() {
		return false
	}
	p.ledger.Rotation.Promoted = spec.Login && s.Key.Phase == engine.KeyPromote
	p.out.WriteKey, p.out.KeyOf = s.Key.Phase, spec.Key
	return true
}

// keysKnown refuses a change of the keys while any member's are not known, or it
// may miss the change: it could come back with nothing but the old one.
func keysKnown(p *draft, s engine.Step) string {
	if s.Kind != engine.StepRotateKey {
		return ""
	}
	if spec, _ := p.inHand(); spec.Login {
		return p.missesPassword(spec, s.Key.Phase)
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
	if s.Kind != engine.StepGrant {
		return ""
	}
	if p.rotating() && p.agentDiffers(s.Member) {
		return "the agent of " + s.Member + " has another image than the operator's, and may not know of rotations"
	}
	if why := p.passwordsMounted(s.Member); why != "" {
		return why
	}
	spec, has := p.traits.SharedKey()
	if !has || p.state.Keys == nil {
		return ""
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
	return p.ledger.Rotation != nil || slices.ContainsFunc(p.traits.Rotatable(), func(c engine.Credential) bool { return p.keysOf(c).begun() })
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
	if name, found := p.outdatedPassword(); found {
		p.stall(v1alpha1.ReasonCredentialsLost, "the server of "+name+" takes no password that the members' Secret has, which seems to be from before a rotation: "+
			"restore the newest one, and ask for no rotation; or give the agents' user the password that the Secret has")
	}
	for _, c := range p.rotation() {
		if c.step.Refused != "" {
			p.stall(v1alpha1.ReasonRotationRefused, c.step.Refused)
		}
	}
	w, words := p.state.Wanted, p.requests()
	has := words != ""
	switch {
	case p.rereads() && p.outdatedSecret():
		p.stall(v1alpha1.ReasonCredentialsLost, "the members' Secret has a key that no server has, and seems to be from before a rotation; no server is restarted with it: restore the newest one")
	case w.RotateUnreadable != "" && has:
		p.stall(v1alpha1.ReasonRotationRefused, fmt.Sprintf("%s; write %s with any word that was not given before, or remove the annotation", w.RotateUnreadable, words))
	case w.RotateUnreadable != "":
		p.stall(v1alpha1.ReasonRotationRefused, w.RotateUnreadable+"; this engine has nothing that is rotated so: remove the annotation")
	case w.Rotate.Name != "" && !has:
		p.stall(v1alpha1.ReasonRotationRefused, fmt.Sprintf("annotation %s asks for %q, and this engine has nothing that is rotated so; remove the annotation", v1alpha1.AnnotationRotate, w.Rotate.Name))
	case w.Rotate.Name != "" && p.asked() == "":
		p.stall(v1alpha1.ReasonRotationRefused, fmt.Sprintf("annotation %s asks for %q, which cannot be rotated; write %s with any word that was not given before, or remove the annotation",
			v1alpha1.AnnotationRotate, w.Rotate.Name, words))
	}
}

// requests are what the annotation can ask for, in words; empty where it is nothing.
func (p *draft) requests() string {
	all := p.traits.Rotatable()
	words := make([]string, 0, len(all))
	for _, c := range all {
		words = append(words, c.Rotates+":WORD")
	}
	return strings.Join(words, " or ")
}
