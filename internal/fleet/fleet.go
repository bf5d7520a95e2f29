// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package fleet keeps the manager in touch with the agents.
//
// For every member it follows, one goroutine holds a long poll open, so that a
// change is known at once and an idle fleet costs next to nothing. What cannot
// be reached is unknown from that moment on: its last report is dropped, not
// kept, since an old report is an answer to another question.
//
// Nothing is decided here, and no action is repeated here: an action that was
// not accepted is planned anew.
package fleet

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/quorate/quorate/internal/agent/protocol"
	"github.com/quorate/quorate/internal/engine"
)

const (
	// pollWait is how long an agent may hold back an unchanged report; a
	// member that vanishes without closing its connection is noticed when it
	// has passed, at the latest.
	pollWait = 20 * time.Second
	// refreshTimeout bounds how long one fresh look at all members may take, and
	// the acceptance of an action. It leaves half a second for the way there and
	// back after an agent's look at a slow server: that is told of, and no
	// silence.
	refreshTimeout = protocol.LookTime + 500*time.Millisecond
	// firstAnswer is how long a first answer is waited for before the member
	// counts as silent.
	firstAnswer = 3 * time.Second
	// retryFirst and retryMost bound the pause before an agent that does not
	// answer is tried again.
	retryFirst = 100 * time.Millisecond
	retryMost  = 2 * time.Second
)

// Client reaches the agents of one datastore.
type Client interface {
	// Report returns an agent's report. With a revision it waits, up to wait,
	// for another one.
	Report(ctx context.Context, addr, since string, wait time.Duration) (protocol.ReportReply, error)
	// Act asks for one action and returns when the agent has accepted it.
	Act(ctx context.Context, addr string, req protocol.ActionRequest) error
}

// Identity is what the manager proves itself with to the agents of one
// datastore: a pair and the authority, in PEM.
type Identity struct {
	CA, Cert, Key string
}

// Connect makes the client of one datastore.
type Connect func(Identity) (Client, error)

// Target is one member's agent.
type Target struct {
	Member, PodUID, Addr string
	// Run tells one run of the agent from the next, as far as is known. A new
	// one is asked at once; it is no other target.
	Run string
}

// same tells whether two targets are the same agent, in whatever run.
func (t Target) same(o Target) bool {
	return t.Member == o.Member && t.PodUID == o.PodUID && t.Addr == o.Addr
}

// Fleet follows the agents of all datastores.
type Fleet struct {
	connect Connect
	wake    func(types.NamespacedName)

	mu   sync.Mutex
	sets map[types.NamespacedName]*set
}

// New returns a fleet that calls wake whenever a report of a datastore has
// changed. Wake must not block.
func New(connect Connect, wake func(types.NamespacedName)) *Fleet {
	return &Fleet{connect: connect, wake: wake, sets: map[types.NamespacedName]*set{}}
}

// set is one datastore's part of the fleet.
type set struct {
	identity Identity
	client   Client
	members  map[string]*member // by pod UID
}

// Follow makes the given targets the ones that are followed for a datastore.
// Others are let go; a changed identity reconnects all of them.
func (f *Fleet) Follow(key types.NamespacedName, id Identity, targets []Target) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.sets[key]
	if s == nil || s.identity != id {
		client, err := f.connect(id)
		if err != nil {
			return err
		}
		f.drop(key)
		s = &set{identity: id, client: bounded{client}, members: map[string]*member{}}
		f.sets[key] = s
	}
	keep := map[string]bool{}
	for _, t := range targets {
		keep[t.PodUID] = true
		old := s.members[t.PodUID]
		if old != nil && old.target.same(t) {
			if old.run != t.Run {
				old.started(t.Run)
			}
			continue
		}
		if old != nil {
			old.stop()
		}
		s.members[t.PodUID] = follow(s.client, t, func() { f.wake(key) })
	}
	for uid, m := range s.members {
		if !keep[uid] {
			m.stop()
			delete(s.members, uid)
		}
	}
	return nil
}

// Forget lets go of a datastore.
func (f *Fleet) Forget(key types.NamespacedName) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drop(key)
}

func (f *Fleet) drop(key types.NamespacedName) {
	if s := f.sets[key]; s != nil {
		for _, m := range s.members {
			m.stop()
		}
		delete(f.sets, key)
	}
}

// Close lets go of every datastore.
func (f *Fleet) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for key := range f.sets {
		f.drop(key)
	}
}

// Reports returns the last report of every member of a datastore that is heard
// of now, by pod UID.
func (f *Fleet) Reports(key types.NamespacedName) map[string]*engine.Report {
	out := map[string]*engine.Report{}
	for _, m := range f.followed(key) {
		if r := m.last(); r != nil {
			out[m.target.PodUID] = r
		}
	}
	return out
}

// Answered names the members of a datastore, by pod UID, that have had the time
// for a first answer: the silence of any other means nothing yet, as when a
// manager has just started.
func (f *Fleet) Answered(key types.NamespacedName) map[string]bool {
	out := map[string]bool{}
	for _, m := range f.followed(key) {
		if !m.awaited() {
			out[m.target.PodUID] = true
		}
	}
	return out
}

// Refresh asks every member anew, at once, and returns what it heard, by pod
// UID. Who does not answer in time is not in it.
func (f *Fleet) Refresh(ctx context.Context, key types.NamespacedName) map[string]*engine.Report {
	ctx, cancel := context.WithTimeout(ctx, refreshTimeout)
	defer cancel()
	members := f.followed(key)
	reports := make([]*engine.Report, len(members))
	var wg sync.WaitGroup
	for i, m := range members {
		wg.Go(func() {
			if reply, err := m.client.Report(ctx, m.target.Addr, "", 0); err == nil {
				reports[i] = &reply.Report
			}
		})
	}
	wg.Wait()
	out := map[string]*engine.Report{}
	for i, m := range members {
		if reports[i] != nil {
			out[m.target.PodUID] = reports[i]
		}
	}
	return out
}

// Act asks the agent in a pod for an action.
func (f *Fleet) Act(ctx context.Context, key types.NamespacedName, podUID string, req protocol.ActionRequest) error {
	for _, m := range f.followed(key) {
		if m.target.PodUID == podUID {
			ctx, cancel := context.WithTimeout(ctx, refreshTimeout)
			defer cancel()
			return m.client.Act(ctx, m.target.Addr, req)
		}
	}
	return &NotFollowedError{PodUID: podUID}
}

func (f *Fleet) followed(key types.NamespacedName) []*member {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.sets[key]
	if s == nil {
		return nil
	}
	out := make([]*member, 0, len(s.members))
	for _, m := range s.members {
		out = append(out, m)
	}
	return out
}

// NotFollowedError says that an action was meant for a pod that is not, or no
// longer, followed. The pod has gone since it was planned.
type NotFollowedError struct {
	PodUID string
}

func (e *NotFollowedError) Error() string { return "no agent is followed in pod " + e.PodUID }
