// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"github.com/quorate/quorate/internal/engine"
)

// A password by which somebody logs in to the servers is rotated while these run. A
// server knows one at a time, so that the overlap is on the side of who logs in, and
// tries the next one and the present one:
//
//  1. introduce: the Secret has the next password beside the present one;
//  2. use: once every agent has both mounted, the servers take the next one;
//  3. promote: once every server was seen to take it, the Secret has it alone.
//
// One that is not mounted travels with the steps, both of them as long as there are
// two, and nobody is waited for. It is good for who leads alone, and who leads has what
// a majority has: so the word of who leads is enough, which it gives once a majority
// has taken it, and until another election.
//
// So nobody needs to be healthy for its second and third part, and the third one is no
// step of its own: the Secret tells what is so already, see promoteTaken.
//
// There is no former one. The next takes the present one's place where no server is
// left that takes that. Who joins meanwhile, or comes back on a new volume, gets what
// the others have. Nobody misses a change: all of them wait until every member is
// healthy, so that one that was away comes back to the password that it had; one that is
// not mounted, only before it is begun.
//
// Which phase is due follows from the Secret and the reports. That it is over does not,
// where nobody is to keep a hash of a former password: the ledger says so first, see
// Rotation.Promoted.

var passwordWords = map[engine.KeyPhase]string{
	engine.KeyIntroduce: "another password is made, to be beside the present one",
	engine.KeyUse:       "the servers shall take the new password, which all who log in have beside the present one",
	engine.KeyPromote:   "the new password, which the servers take, takes the place of the old one",
}

// settlePassword notes that a password was rotated.
func (p *draft) settlePassword(r Rotation) {
	if keys, read := p.state.Passwords[r.Credential]; read && r.Promoted && keys.Next == "" {
		p.carriedOut(r.Request)
	}
}

// nextPassword says what is due by what is known. Where not all is known, the guards
// hold it back.
func (p *draft) nextPassword(spec engine.Credential, k Keys) engine.KeyChange {
	c := engine.KeyChange{Phase: engine.KeyPromote, Hash: k.target()}
	switch {
	case k.Next == "":
		c.Phase = engine.KeyIntroduce
	case !p.taken(spec, k.Next):
		c.Phase = engine.KeyUse
	}
	return c
}

// taken tells whether all servers that have to are known to take a password.
func (p *draft) taken(spec engine.Credential, hash string) bool {
	takes := func(name string) bool {
		r := p.reportOf(name)
		return r != nil && r.Server.Logins[spec.Key] == hash
	}
	if !spec.Mounted {
		return takes(p.out.Assessment.Leader)
	}
	for _, name := range p.granted() {
		if p.ledger.Members[name].ClaimUID != "" && !takes(name) {
			return false
		}
	}
	return true
}

// promoteTaken has the Secret tell at once of a password that travels with the steps,
// once it is good: until then whoever reads it, and is told what it has, is kept out. There
// is nobody who could miss that, and nothing that it takes away, so that it waits for no
// guard and no turn.
func (p *draft) promoteTaken() {
	spec, due := p.inHand()
	if !due || !spec.Login || spec.Mounted {
		return
	}
	if c := p.nextPassword(spec, *p.keysOf(spec)); c.Phase == engine.KeyPromote {
		s := engine.Step{Kind: engine.StepRotateKey, Member: p.out.Assessment.Leader, Key: &c, Why: passwordWords[c.Phase]}
		p.summarize(Summary{Action: s.Kind, Member: s.Member, Why: s.Why})
		p.admitKeyChange(s)
	}
}

// missesPassword says who would miss a change of a password, or be kept out by it.
func (p *draft) missesPassword(spec engine.Credential, phase engine.KeyPhase) string {
	if !spec.Mounted && phase != engine.KeyIntroduce {
		return ""
	}
	if held := p.held(); phase == engine.KeyIntroduce && p.elderInit() && held != nil {
		return "a pod that is made anew would have an older agent, until what holds the rollout back is settled: " + held.Message
	}
	for _, name := range p.granted() {
		if p.ledger.Members[name].ClaimUID == "" {
			continue
		}
		switch r := p.reportOf(name); {
		case r == nil || !p.healthyMember(name):
			return name + " is not a healthy member, and would miss it"
		case p.agentDiffers(name):
			return "the agent of " + name + " has another image than the operator's, and may not know of rotations"
		}
		if why := p.lacksPassword(spec, name); why != "" {
			return why
		}
	}
	return ""
}

// lacksPassword says why a member's agent may be kept out by a change of a password that
// it has mounted.
func (p *draft) lacksPassword(spec engine.Credential, name string) string {
	r := p.reportOf(name)
	switch good := r.Server.Logins[spec.Key]; {
	case !spec.Mounted:
		return ""
	case good == "":
		return "it is not known by which password the agent of " + name + " logs in"
	case !p.keysOf(spec).has(good):
		return "the server of " + name + " takes another password than the Secret has"
	case !p.mountedKeys(r, spec):
		return "the kubelet has yet to mount for " + name + " what the Secret has of " + spec.Key
	}
	return ""
}

// mayBeKeptOut tells whether a member's agent is of another version, in the middle of the
// rotation of a password that it has mounted, and does not say that it is let in, while
// nobody says who is a member. One at a time gets the present agent then.
func (p *draft) mayBeKeptOut(m Member) bool {
	spec, due := p.inHand()
	r := p.state.trusted(m)
	return len(p.out.UpgradeAgents) == 0 && due && spec.Login && spec.Mounted && p.rotating() && !p.out.Assessment.Known && p.ledger.Formed &&
		m.Pod.Agent != "" && m.Pod.Agent != p.state.Wanted.Agent && r != nil && r.Server.Running && r.Server.Logins[spec.Key] == ""
}

// renewsTemplate has the StatefulSet's template written with the present agent before a
// password is rotated: a pod that is made anew in the middle, for whatever reason, would
// get an older one, which may know of one password alone.
func (p *draft) renewsTemplate(s engine.Step) bool {
	spec, _ := p.inHand()
	if !spec.Login || s.Key.Phase != engine.KeyIntroduce || !p.elderInit() {
		return false
	}
	p.firstReplacement = true
	return true
}

// has tells whether a password is one of those that go on being good.
func (k *Keys) has(hash string) bool { return hash == k.Current || hash == k.Next }

// outdatedPassword names a member whose agent has mounted what the Secret has of a
// password, and whose server takes another one: the Secret is from before a rotation.
// Nothing is done about it, since nobody knows the right one but agents that run on, and
// a user of the same name that somebody changed looks the same. While the set is being
// made usable, and of who is on the way in, it is no wonder.
func (p *draft) outdatedPassword() (member string, found bool) {
	for _, spec := range p.traits.Rotatable() {
		if !p.ledger.Bootstrapped || !spec.Login || !spec.Mounted || p.keysOf(spec) == nil {
			continue
		}
		for _, name := range p.granted() {
			r := p.reportOf(name)
			if r == nil || !p.ledger.Members[name].Joined || !p.mountedKeys(r, spec) {
				continue
			}
			if good := r.Server.Logins[spec.Key]; r.Server.KeptOut || good != "" && !p.keysOf(spec).has(good) {
				return name, true
			}
		}
	}
	return "", false
}

// passwordsMounted refuses to let a member join whose agent would be kept out of it.
func (p *draft) passwordsMounted(member string) string {
	for _, c := range p.traits.Rotatable() {
		if c.Login && c.Mounted && p.keysOf(c) != nil && !p.mountedKeys(p.reportOf(member), c) {
			return "the kubelet has yet to mount for " + member + " what the Secret has of " + c.Key
		}
	}
	return ""
}
