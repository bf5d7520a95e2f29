// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/quorate/quorate/internal/agent/protocol"
	"github.com/quorate/quorate/internal/engine"
)

var (
	key     = types.NamespacedName{Namespace: "ns", Name: "db"}
	other   = types.NamespacedName{Namespace: "ns", Name: "db-a"}
	oneself = Identity{CA: "ca", Cert: "cert", Key: "key"}

	errRefused = errors.New("connection refused")
)

// agent answers at one address, as an agent does: at once where the caller has
// another revision, else when the report changes or the wait is over.
type agent struct {
	mu       sync.Mutex
	revision string
	report   engine.Report
	failure  error
	deaf     bool          // answers nobody until the caller gives up
	looks    time.Duration // how long it looks at its server before a first answer
	changed  chan struct{}
	polled   int // calls with the wish to wait
	looked   int // calls for what is true now
	acted    []protocol.ActionRequest
}

func newAgent(revision, podUID string) *agent {
	return &agent{revision: revision, report: engine.Report{PodUID: podUID}, changed: make(chan struct{})}
}

// change wakes who waits at the agent.
func (a *agent) change(how func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	how()
	close(a.changed)
	a.changed = make(chan struct{})
}

func (a *agent) says(revision string, problem string) {
	a.change(func() { a.revision, a.report.Problem, a.failure, a.deaf = revision, problem, nil, false })
}

func (a *agent) fails(err error) { a.change(func() { a.failure = err }) }

func (a *agent) counts() (polled, looked int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.polled, a.looked
}

func (a *agent) answer(ctx context.Context, since string, wait time.Duration) (protocol.ReportReply, error) {
	over := time.NewTimer(wait)
	defer over.Stop()
	for first := true; ; first = false {
		a.mu.Lock()
		if first && since == "" && wait == 0 {
			a.looked++
		} else if first {
			a.polled++
		}
		reply, err, deaf, changed := protocol.ReportReply{Revision: a.revision, Report: a.report}, a.failure, a.deaf, a.changed
		a.mu.Unlock()
		switch {
		case err != nil:
			return protocol.ReportReply{}, err
		case !deaf && since != reply.Revision:
			return reply, nil
		case deaf:
			over.Stop()
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return protocol.ReportReply{}, ctx.Err()
		case <-over.C:
			return reply, nil
		}
	}
}

// network is what the clients of all identities reach.
type network struct {
	agents map[string]*agent // by address

	mu        sync.Mutex
	connected []Identity
	refuse    error
}

func (n *network) connect(id Identity) (Client, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.refuse != nil {
		return nil, n.refuse
	}
	n.connected = append(n.connected, id)
	return wire{n}, nil
}

func (n *network) connections() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.connected)
}

type wire struct{ *network }

func (w wire) Report(ctx context.Context, addr, since string, most time.Duration) (protocol.ReportReply, error) {
	a := w.agents[addr]
	if a == nil {
		return protocol.ReportReply{}, errRefused
	}
	if since == "" && !wait(ctx, a.looks) {
		return protocol.ReportReply{}, ctx.Err()
	}
	return a.answer(ctx, since, most)
}

func (w wire) Act(ctx context.Context, addr string, req protocol.ActionRequest) error {
	a := w.agents[addr]
	if a == nil {
		return errRefused
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.deaf {
		a.mu.Unlock()
		<-ctx.Done()
		a.mu.Lock()
		return ctx.Err()
	}
	a.acted = append(a.acted, req)
	return nil
}

// world is a fleet with the agents that it reaches, and who was woken.
type world struct {
	*testing.T
	*Fleet
	network *network
	woken   map[types.NamespacedName]*atomic.Int64
}

// inBubble runs a test with a clock of its own, which stands still while
// anything can go on. A goroutine that is left at the end, and waits for what
// never comes, fails it.
func inBubble(t *testing.T, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{T: t, network: &network{agents: map[string]*agent{
			"a0": newAgent("r1", "u0"), "a1": newAgent("r1", "u1"), "a2": newAgent("r1", "u2"),
		}}, woken: map[types.NamespacedName]*atomic.Int64{key: {}, other: {}}}
		w.Fleet = New(w.network.connect, func(k types.NamespacedName) { w.woken[k].Add(1) })
		test(w)
		w.Close()
		synctest.Wait()
	})
}

func (w *world) follow(k types.NamespacedName, targets ...Target) {
	w.Helper()
	if err := w.Follow(k, oneself, targets); err != nil {
		w.Fatal(err)
	}
	synctest.Wait()
}

// expectWoken tells how often a datastore was woken since the last time.
func (w *world) expectWoken(k types.NamespacedName, want int64) {
	w.Helper()
	synctest.Wait()
	if got := w.woken[k].Swap(0); got != want {
		w.Errorf("%s was woken %d times, want %d", k, got, want)
	}
}

// expectHeard tells whose reports there are, as "pod UID: problem".
func (w *world) expectHeard(k types.NamespacedName, want map[string]string) {
	w.Helper()
	synctest.Wait()
	expectReports(w.T, w.Reports(k), want)
}

func expectReports(t *testing.T, reports map[string]*engine.Report, want map[string]string) {
	t.Helper()
	for uid, r := range reports {
		if problem, ok := want[uid]; !ok || r.PodUID != uid || r.Problem != problem {
			t.Errorf("the report of %s is of %s and says %q", uid, r.PodUID, r.Problem)
		}
	}
	if len(reports) != len(want) {
		t.Errorf("%d reports, want those of %v", len(reports), want)
	}
}

// pass lets the bubble's clock go on, at once for whoever looks at the wall.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func target(n string) Target { return Target{Member: "db-" + n, PodUID: "u" + n, Addr: "a" + n} }
