// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/enginetest"
)

// model is MongoDB servers without a clock: what they would do, in the words of
// this engine's local half. What is awkward in a real one is awkward here:
//
//   - an empty server under the name of a member is taken for that member, vote
//     and all;
//   - while a server has not got the users nobody can log in to it, so that it
//     says little of itself;
//   - a primary that steps down names nobody: any voter that has caught up may
//     follow, but for those that have just stepped down;
//   - a member that was taken out keeps its data and the last configuration, and
//     the number of a member is given again some day.
type model struct {
	servers [enginetest.MaxMembers]server
	sets    []set
	usurped bool
}

// server is one server and its volume.
type server struct {
	running bool
	data    bool  // it has written to the volume
	set     int8  // the set whose configuration it has, 0 for none
	number  uint8 // its own in it
	synced  bool  // it has all that was acknowledged
	empty   bool  // it has the configuration and none of the data yet, nor the users
	frozen  bool  // it has stepped down and does not stand for election
	version uint8 // of the configuration that it has
	keys    keyring
	// password is how many of the operator's users were rotated away, as the server has
	// it; confirmed is the one that its agent had a majority take, in that election.
	password, confirmed, election uint8
	// survivors is the word of a recovery on the volume, as the engine wrote it.
	survivors string
}

// keyring is what the key file of a pod has; 0 for none. A server has no more than two.
type keyring [2]uint8

// set is a configuration as a majority has it.
type set struct {
	version uint8
	primary int8
	users   bool
	// password is as a server's, and elections counts.
	password, elections uint8
	members             []entry
}

type entry struct {
	number, member uint8
	votes          bool
}

var (
	_ enginetest.Model     = (*model)(nil)
	_ enginetest.Recoverer = (*model)(nil)
	_ enginetest.Keyed     = (*model)(nil)
	_ enginetest.Admitting = (*model)(nil)
)

func newModel() *model { return &model{} }

func (m *model) Clone() enginetest.Model {
	out := *m
	out.sets = slices.Clone(m.sets)
	for i := range out.sets {
		out.sets[i].members = slices.Clone(out.sets[i].members)
	}
	return &out
}

func (m *model) Key(b []byte) []byte {
	b = append(b, flags(m.usurped))
	for _, s := range m.servers {
		b = append(b, flags(s.running, s.data, s.synced, s.frozen, s.empty), byte(s.set), s.number, s.version)
		b = append(b, s.keys[0], s.keys[1], s.password, s.confirmed, s.election)
		b = append(b, s.survivors...)
	}
	for _, k := range m.sets {
		b = append(b, '#', k.version, byte(k.primary), flags(k.users), k.password)
		if k.password > 0 {
			b = append(b, k.elections)
		}
		for _, e := range k.members {
			b = append(b, e.number, e.member, flags(e.votes))
		}
	}
	return b
}

func flags(on ...bool) byte {
	var b byte
	for i, o := range on {
		if o {
			b |= 1 << i
		}
	}
	return b
}

func (m *model) Start(i int, _ engine.Marker) {
	m.servers[i].running, m.servers[i].data, m.servers[i].frozen = true, true, false
}

func (m *model) Stop(i int) {
	m.servers[i].running = false
	m.settle()
}

func (m *model) Wipe(i int) {
	m.servers[i] = server{}
	m.settle()
}

// GiveKeys implements enginetest.Keyed: the file is in the pod.
func (m *model) GiveKeys(i int, keys []uint8) {
	if len(keys) > len(m.servers[i].keys) {
		panic("a server takes two keys at most")
	}
	m.servers[i].keys = keyring{}
	copy(m.servers[i].keys[:], keys)
	m.settle()
}

// Keys implements enginetest.Keyed.
func (m *model) Keys(i int) []uint8 {
	return slices.DeleteFunc(slices.Clone(m.servers[i].keys[:]), func(k uint8) bool { return k == 0 })
}

// admits tells whether a server has users.
func (m *model) admits(i int) bool {
	s := m.servers[i]
	return s.running && s.set > 0 && !s.empty && m.sets[s.set-1].users
}

// Password implements enginetest.Admitting.
func (m *model) Password(i int) uint8 {
	if !m.admits(i) {
		return 0
	}
	return m.servers[i].password + 1
}

// Confirmed implements enginetest.Admitting.
func (m *model) Confirmed(i int) uint8 {
	s := m.servers[i]
	if !m.admits(i) || int(m.sets[s.set-1].primary) != i || s.election != m.sets[s.set-1].elections {
		return 0
	}
	return s.confirmed
}

// rotate has the set take another password, which the primary has at once and the
// others when they hear of it.
func (m *model) rotate(i int, k *set, c *engine.KeyChange) error {
	if UserOf(c.Credential) == "" || c.Phase != engine.KeyUse {
		return refused("no such password: %+v", *c)
	}
	k.password = enginetest.KeyOf(c.Hash) - 1
	s := &m.servers[i]
	s.password, s.confirmed, s.election = k.password, k.password+1, k.elections
	return nil
}

func (m *model) HasData(i int) bool { return m.servers[i].data }
func (m *model) Running(i int) bool { return m.servers[i].running }

// settle takes the lead from who is no running voter or hears too few, and has
// the members that run take the configuration of a primary.
func (m *model) settle() {
	for n := range m.sets {
		k := &m.sets[n]
		if k.primary < 0 {
			continue
		}
		e := k.of(int(k.primary))
		if e == nil || !e.votes || !m.up(n, *e) || !m.hasQuorum(n) {
			k.primary = -1
			continue
		}
		for _, e := range k.members {
			if m.up(n, e) {
				m.servers[e.member].version, m.servers[e.member].survivors = k.version, ""
			}
		}
	}
}

// of returns the entry of a member's name.
func (k *set) of(i int) *entry {
	for n := range k.members {
		if int(k.members[n].member) == i {
			return &k.members[n]
		}
	}
	return nil
}

// up tells whether the server that has an entry runs.
func (m *model) up(n int, e entry) bool {
	s := m.servers[e.member]
	return s.running && int(s.set) == n+1 && s.number == e.number
}

func (m *model) hasQuorum(n int) bool {
	voters, heard := 0, 0
	for _, e := range m.sets[n].members {
		if e.votes {
			voters++
			if m.up(n, e) {
				heard++
			}
		}
	}
	return heard >= engine.Majority(voters)
}

func (m *model) Truth() enginetest.Truth {
	t := enginetest.Truth{Formations: len(m.sets), Usurped: m.usurped}
	if len(m.sets) == 0 {
		return t
	}
	k := &m.sets[0]
	t.Serving, t.Usable = k.primary >= 0, k.users
	for _, e := range k.members {
		s := m.servers[e.member]
		t.Peers = append(t.Peers, enginetest.TruePeer{
			Member: int(e.member), ID: e.id(), Voter: e.votes,
			Data:    s.data && int(s.set) == 1 && s.number == e.number,
			Empty:   s.empty,
			Healthy: m.up(0, e) && s.synced,
		})
	}
	return t
}

func (e entry) id() string { return strconv.Itoa(int(e.number)) }

const (
	moveElect  uint8 = iota // A becomes the primary of set B
	moveAdopt               // A, which is empty, is taken for the member of its name
	moveSync                // A has caught up
	moveDepose              // the primary of set B was not heard for a moment
	moveHear                // A hears of the password of its set
)

func (m *model) Moves() []enginetest.Move {
	var out []enginetest.Move
	for n := range m.sets {
		k := &m.sets[n]
		for i, s := range m.servers {
			if e := k.of(i); e != nil && s.running {
				out = m.movesOf(n, i, *e, out)
			}
		}
		if k.primary >= 0 && len(k.members) > 1 {
			out = append(out, enginetest.Move{Kind: moveDepose, B: uint8(n), Adverse: true})
		}
	}
	return out
}

func (m *model) movesOf(n, i int, e entry, out []enginetest.Move) []enginetest.Move {
	k, s := &m.sets[n], m.servers[i]
	add := func(kind uint8) { out = append(out, enginetest.Move{Kind: kind, A: uint8(i), B: uint8(n)}) }
	switch led := k.primary >= 0; {
	case s.set != 0 && int(s.set) != n+1: // it has another set's configuration
	case s.set == 0 || s.number != e.number:
		if led {
			add(moveAdopt)
		}
	case !s.synced:
		if led {
			add(moveSync)
		}
	case led && s.password != k.password:
		add(moveHear)
	case !led && e.votes && m.hasQuorum(n) && (!s.frozen || m.allFrozen(n)):
		add(moveElect)
	}
	return out
}

// allFrozen tells whether nobody else would stand for election: somebody's time
// is then over first.
func (m *model) allFrozen(n int) bool {
	return !slices.ContainsFunc(m.sets[n].members, func(e entry) bool {
		s := m.servers[e.member]
		return e.votes && m.up(n, e) && s.synced && !s.frozen
	})
}

func (m *model) Move(mv enginetest.Move) {
	s, k := &m.servers[mv.A], &m.sets[mv.B]
	switch mv.Kind {
	case moveElect:
		if m.allFrozen(int(mv.B)) {
			for _, e := range k.members {
				m.servers[e.member].frozen = false
			}
		}
		k.primary = int8(mv.A)
		k.version++
		k.elections++
	case moveAdopt:
		e := k.of(int(mv.A))
		m.usurped = m.usurped || e.votes
		s.empty = s.empty || s.set == 0
		s.set, s.number, s.synced = int8(mv.B)+1, e.number, false
	case moveSync:
		s.synced, s.empty, s.password = true, false, k.password
	case moveHear:
		s.password = k.password
	case moveDepose:
		k.primary = -1
	}
	m.settle()
}

// Observe is what the local half would say. Before there are users, and while a
// server has not got them, it says what anybody may read.
func (m *model) Observe(i int) engine.Server {
	s := m.servers[i]
	out := engine.Server{Running: s.running}
	for _, k := range m.Keys(i) {
		out.Keys = append(out.Keys, enginetest.KeyHash(k))
	}
	if !s.running {
		return out
	}
	out.Version = "8.0.4"
	out.Facts = map[string]string{FactHost: enginetest.Name(i) + ".db.ns.svc:27017", FactUsers: UsersPending}
	if s.set == 0 {
		return out
	}
	n := int(s.set) - 1
	k := &m.sets[n]
	out.Formed, out.Leader = true, int(k.primary) == i
	if e := k.of(i); s.empty && e != nil && e.number == s.number {
		out.Formed, out.ID = false, e.id()
	}
	if !k.users || s.empty {
		return out
	}
	out.Facts[FactUsers], out.Facts[FactFeatures], out.Set = UsersReady, "8.0", "set-"+strconv.Itoa(n)
	out.Term = uint64(s.version)
	e := k.of(i)
	if e == nil || e.number != s.number {
		return out
	}
	out.ID, out.Serving = e.id(), s.synced
	switch {
	case out.Leader:
		out.View = m.view(n)
	case k.primary < 0:
		m.leaderless(k, s, out.Facts)
	}
	return out
}

// leaderless is what a server tells while it knows no primary.
func (m *model) leaderless(k *set, s server, facts map[string]string) {
	var voters []string
	for _, e := range k.members {
		if e.votes {
			voters = append(voters, e.id())
		}
	}
	facts[FactEnd], facts[FactVoters] = "1/1/1", strings.Join(voters, ",")
	if s.survivors != "" {
		facts[FactRecovery] = s.survivors
	}
}

// Recover implements enginetest.Recoverer: the word is written down, and nothing
// else happens before a server is told.
func (m *model) Recover(i int, params map[string]string) (survivors []int) {
	m.servers[i].survivors = params[ParamMembers]
	if m.servers[i].set == 0 {
		return nil
	}
	for _, e := range m.sets[m.servers[i].set-1].members {
		if slices.Contains(Numbers(params[ParamMembers]), e.id()) {
			survivors = append(survivors, int(e.member))
		}
	}
	return survivors
}

// force has the set go on with the survivors alone.
func (m *model) force(i int, s engine.Step) error {
	v := m.servers[i]
	if !v.running || v.set == 0 || v.survivors != s.Params[ParamMembers] || m.sets[v.set-1].primary >= 0 {
		return refused("%s may not force", s.Member)
	}
	k := &m.sets[v.set-1]
	k.members = slices.DeleteFunc(k.members, func(e entry) bool { return !slices.Contains(Numbers(v.survivors), e.id()) })
	for n := range k.members {
		k.members[n].votes = true
	}
	k.version += 3
	return nil
}

func (m *model) view(n int) *engine.View {
	k := &m.sets[n]
	v := &engine.View{}
	for _, e := range k.members {
		v.Peers = append(v.Peers, engine.Peer{
			ID: e.id(), Name: enginetest.Name(int(e.member)), Voter: e.votes, Leader: int8(e.member) == k.primary,
			Healthy: m.up(n, e) && m.servers[e.member].synced,
		})
	}
	return v
}

var errRefused = errors.New("the server refuses")

func refused(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errRefused, fmt.Sprintf(format, args...))
}

func (m *model) Do(i int, s engine.Step) error {
	defer m.settle()
	v := m.servers[i]
	leads := v.running && v.set != 0 && int(m.sets[v.set-1].primary) == i
	switch {
	case s.Kind == engine.StepBootstrap && s.Params[ParamPhase] == PhaseInitiate:
		return m.initiate(i)
	case s.Kind == engine.StepConfigure:
		return m.force(i, s)
	case s.Kind == engine.StepLeave && s.About() == enginetest.Name(i):
		if leads {
			return refused("%s is the primary", s.Member)
		}
		m.servers[i].running = false
		return nil
	case !leads:
		return refused("%s is not the primary", s.Member)
	}
	k := &m.sets[v.set-1]
	switch s.Kind {
	case engine.StepBootstrap:
		k.users = true
		return nil
	case engine.StepStepDown:
		return m.stepDown(i, int(v.set)-1)
	case engine.StepRotateKey:
		return m.rotate(i, k, s.Key)
	}
	return k.change(s)
}

func (m *model) initiate(i int) error {
	s := &m.servers[i]
	if !s.running || s.set != 0 {
		return refused("%s is initiated already, or down", enginetest.Name(i))
	}
	m.sets = append(m.sets, set{version: 1, primary: int8(i), members: []entry{{number: 1, member: uint8(i), votes: true}}})
	s.set, s.number, s.synced = int8(len(m.sets)), 1, true
	return nil
}

// stepDown is refused where nobody has caught up.
func (m *model) stepDown(i, n int) error {
	for _, e := range m.sets[n].members {
		if int(e.member) != i && e.votes && m.up(n, e) && m.servers[e.member].synced {
			m.servers[i].frozen = true
			m.sets[n].primary = -1
			return nil
		}
	}
	return refused("no electable secondaries caught up")
}

// change changes one member of the configuration, as the rules of a
// reconfiguration have it.
func (k *set) change(s engine.Step) error {
	i := enginetest.Ordinal(s.About())
	e := k.of(i)
	if s.Kind != engine.StepJoin && (e == nil || e.id() != s.SubjectID) {
		return refused("%s is not %s", s.About(), s.SubjectID)
	}
	switch s.Kind {
	case engine.StepJoin:
		if e != nil || s.Params[ParamHost] == "" {
			return refused("%s is a member, or has no name", s.About())
		}
		k.members = append(k.members, entry{number: k.version + 1, member: uint8(i)})
	case engine.StepPromote, engine.StepDemote:
		e.votes = s.Kind == engine.StepPromote
	case engine.StepLeave, engine.StepEvictDead:
		if e.votes && s.Kind == engine.StepLeave {
			return refused("%s has a vote", s.About())
		}
		if int(k.primary) == i {
			return refused("%s is the primary", s.About())
		}
		k.members = slices.DeleteFunc(k.members, func(e entry) bool { return e.id() == s.SubjectID })
	default:
		return refused("no such step: %s", s.Kind)
	}
	k.version++
	return nil
}
