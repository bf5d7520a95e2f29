// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"encoding/json"
	"hash/maphash"
	"strconv"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/plan"
)

// World is one datastore and everything that it is made of, at one moment.
type World struct {
	sc      *Scenario
	wanted  Wanted
	ledger  *record
	set     kubeSet
	budget  kubeBudget
	members [MaxMembers]member
	manager manager
	// old is what a manager that was replaced still has in hand.
	old   *pass
	stale *staleReport
	left  Budget
	devs  int8
	lost  int8 // claims that were lost
	// secret is the keys in the Secret, and keysMade how many were ever made.
	secret   secret
	keysMade uint8
	model    Model
	broken   string // the law that was broken on the way here
}

// Wanted is a specification.
type Wanted struct {
	Replicas int8
	Template Template
	// AllowDowntime lets a set of one or two be without service.
	AllowDowntime bool
	// Stopped lets no member run.
	Stopped bool
	// Lead is one more than the ordinal of the member that shall lead, once; 0
	// for none.
	Lead int8
	// DeleteScaled has the claims of members go that are not wanted any more.
	DeleteScaled bool
	// DeleteLost has the claims of lost members go unasked.
	DeleteLost bool
	// StartEmpty agrees that the set is given up once it has lost all of its data.
	StartEmpty bool
	// Recover agrees to whatever recovery is asked for.
	Recover bool
	// Rotate numbers the user's request to rotate the key that the servers share;
	// 0 for none.
	Rotate int8
}

// lead is the name of the member that shall lead.
func (w Wanted) lead() string {
	if w.Lead == 0 {
		return ""
	}
	return Name(int(w.Lead) - 1)
}

// Template numbers a pod template; see the constants for those that are bad.
type Template uint8

const (
	// TemplateGood works.
	TemplateGood Template = iota
	// TemplateOther works too.
	TemplateOther
	// TemplateNoImage has a server image that cannot be pulled: the pod is
	// stuck once its gate has opened.
	TemplateNoImage
	// TemplateNoNode cannot be scheduled: not even the agent runs.
	TemplateNoNode
)

func (t Template) String() string { return "t" + strconv.Itoa(int(t)) }

// record is a ledger as the API server has it.
type record struct {
	ledger *plan.Ledger
	key    string
}

func newRecord(l *plan.Ledger) *record {
	if l == nil {
		return nil
	}
	b, err := json.Marshal(l)
	if err != nil {
		panic("a ledger is always valid JSON: " + err.Error())
	}
	return &record{ledger: l, key: string(b)}
}

func (r *record) text() string {
	if r == nil {
		return ""
	}
	return r.key
}

func (r *record) epoch() int64 {
	if r == nil {
		return 0
	}
	return r.ledger.Epoch
}

func (r *record) get() *plan.Ledger {
	if r == nil {
		return nil
	}
	return r.ledger
}

// kubeBudget is the PodDisruptionBudget.
type kubeBudget struct {
	exists bool
	max    int8
	epoch  int8
	// seen is true once the disruption controller has seen it; evictions are
	// refused until then.
	seen bool
	// approved is one more than the member whose eviction was let pass, and whose
	// pod is about to be deleted; 0 for none.
	approved int8
}

// member is one ordinal's pod, claim, volume and agent.
type member struct {
	pod, podSeq     uint8 // the pod's generation, 0 where there is none; the last one used
	template        Template
	booted          bool // the agent runs
	started         bool // the server's container has run in this pod
	dying           bool
	claim, claimSeq uint8
	claimDying      bool
	stranded        bool // the node that its volume is on is gone
	volume          volumeState
	released        bool
	epoch           int8 // the highest that the agent has seen
	leaving         bool // the agent carries out a leave
	silent          bool
	garbled         garble
	mounted         secret // as the kubelet has brought it
	slow            bool   // the kubelet brings nothing new
}

// garble is how an agent's report is spoilt.
type garble uint8

const (
	garbleNone   garble = iota
	garbleServer        // the server says nothing at all
	garbleView          // the membership is answered, and is empty
	garbleKinds
)

// volumeState is a volume's marker.
type volumeState struct {
	marked, foreign bool
	form            bool
	size            int8
	pod, claim      uint8
	formed, leaving bool
	epoch           int8
	// recovery is the last one that the agent was told of, with its parameters,
	// and recovered the last one that the data was prepared for.
	recovery, recovered int8
	params              string
}

// manager is the one that is in charge.
type manager struct {
	epoch int8
	held  *pass // a pass that lingers between two of its effects
}

// staleReport is a report that the manager takes for current.
type staleReport struct {
	member int
	pod    uint8
	report *engine.Report
	key    string
}

func (w *World) clone() *World {
	out := *w
	out.model = w.model.Clone()
	return &out
}

var seed = maphash.MakeSeed()

// hash is that of all the state; two worlds of one hash are taken for the same.
// Without budgets it is that of what the world is, whatever may still befall it.
func (w *World) hash(b []byte, budgets bool) (uint64, []byte) {
	b = w.key(b[:0])
	if budgets {
		for _, n := range w.left {
			b = append(b, byte(n))
		}
		b = append(b, byte(w.devs))
	}
	return maphash.Bytes(seed, b), b
}

func (w *World) key(b []byte) []byte {
	b = append(b, byte(w.wanted.Replicas), byte(w.wanted.Template), byte(w.wanted.Lead), flags(w.set.exists, w.wanted.AllowDowntime, w.wanted.Stopped, w.wanted.DeleteScaled, w.wanted.DeleteLost, w.wanted.StartEmpty, w.wanted.Recover),
		byte(w.set.replicas), byte(w.set.template), byte(w.set.proven),
		flags(w.budget.exists, w.budget.seen), byte(w.budget.max), byte(w.budget.epoch), byte(w.budget.approved),
		byte(w.set.epoch), byte(w.manager.epoch), byte(w.lost), byte(w.wanted.Rotate), w.secret.current, w.secret.next, w.secret.former)
	for _, s := range w.set.others[:w.set.width()-1] {
		b = append(b, flags(s.exists), byte(s.replicas), byte(s.template), byte(s.epoch))
	}
	for i := range w.members[:w.sc.Members] {
		b = w.members[i].key(b)
	}
	b = append(b, w.ledger.text()...)
	for _, p := range []*pass{w.manager.held, w.old} {
		b = append(b, '|')
		if p != nil {
			b = append(b, p.key...)
			b = append(b, byte(p.next))
		}
	}
	b = append(b, '|')
	if w.stale != nil {
		b = append(b, w.stale.key...)
	}
	b = append(b, '|')
	return w.model.Key(b)
}

func (m *member) key(b []byte) []byte {
	v := m.volume
	b = append(b, v.params...)
	return append(b, m.pod, m.podSeq, byte(m.template), m.claim, m.claimSeq,
		flags(m.booted, m.started, m.dying, m.claimDying, m.released, m.leaving, m.silent, m.stranded),
		byte(m.epoch), byte(m.garbled), m.mounted.current, m.mounted.next, m.mounted.former,
		flags(v.marked, v.foreign, v.form, v.formed, v.leaving, m.slow), byte(v.size), v.pod, v.claim, byte(v.epoch), byte(v.recovery), byte(v.recovered))
}

func flags(bits ...bool) byte {
	var b byte
	for i, on := range bits {
		if on {
			b |= 1 << i
		}
	}
	return b
}

func podUID(i int, gen uint8) string   { return uid('p', i, gen) }
func claimUID(i int, gen uint8) string { return uid('c', i, gen) }

var uids = func() (out [2][MaxMembers][64]string) {
	for k, prefix := range []string{"pod-", "claim-"} {
		for i := range MaxMembers {
			for g := range 64 {
				out[k][i][g] = prefix + strconv.Itoa(i) + "." + strconv.Itoa(g)
			}
		}
	}
	return out
}()

func uid(kind byte, i int, gen uint8) string {
	if kind == 'p' {
		return uids[0][i][gen]
	}
	return uids[1][i][gen]
}
