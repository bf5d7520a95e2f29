// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package observer

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quorate/quorate/internal/agent/board"
	"github.com/quorate/quorate/internal/agent/hold"
	"github.com/quorate/quorate/internal/agent/keeper"
	"github.com/quorate/quorate/internal/agent/mounts"
	"github.com/quorate/quorate/internal/agent/protocol"
	"github.com/quorate/quorate/internal/agent/volume"
	"github.com/quorate/quorate/internal/engine"
)

// fake is a server that answers as it is told, and counts.
type fake struct {
	mu       sync.Mutex
	server   engine.Server
	err      error
	looks    int
	released []engine.Marker
	// meanwhile happens while the server is looked at, if it is set.
	meanwhile func()
}

func (f *fake) Observe(ctx context.Context) (engine.Server, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looks++
	if f.meanwhile != nil {
		f.meanwhile()
	}
	if ctx.Err() != nil {
		return engine.Server{}, ctx.Err()
	}
	return f.server, f.err
}

func (f *fake) Release(m engine.Marker) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.released = append(f.released, m)
	return nil
}

func (f *fake) set(s engine.Server, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.server, f.err = s, err
}

func (f *fake) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.looks
}

type bench struct {
	*Observer
	fake   *fake
	keeper *keeper.Keeper
	board  *board.Board
}

func newBench(t *testing.T) *bench {
	t.Helper()
	run := t.TempDir()
	v, err := volume.Open(t.TempDir(), volume.Identity{Member: "db-0", ClusterID: "c"}, func(names []string) bool { return len(names) > 0 })
	if err != nil {
		t.Fatal(err)
	}
	if err := hold.Dir(run).Prepare(); err != nil {
		t.Fatal(err)
	}
	f := &fake{}
	k := keeper.New(v, hold.Dir(run), f, func() error { return nil }, nil)
	b, err := board.New(engine.Report{Member: "db-0"})
	if err != nil {
		t.Fatal(err)
	}
	return &bench{New(f, k, b, mounts.New(nil), func() bool { return false }), f, k, b}
}

func (b *bench) grant(t *testing.T) {
	t.Helper()
	err := b.keeper.Grant(engine.Grant{Kind: engine.GrantForm, Size: 1, ClusterID: "c", ClaimUID: "q"})
	if err != nil {
		t.Fatal(err)
	}
}

func (b *bench) revision(t *testing.T) string {
	t.Helper()
	var r protocol.ReportReply
	if err := json.Unmarshal(b.board.Reply(t.Context(), ""), &r); err != nil {
		t.Fatal(err)
	}
	return r.Revision
}

// What was seen before an epoch was is not reported under it: it would prove
// nothing of what came before the epoch.
func TestAReportIsNotOlderThanItsEpoch(t *testing.T) {
	b := newBench(t)
	b.grant(t)
	b.fake.set(engine.Server{Running: true}, nil)
	b.fake.meanwhile = func() {
		if err := b.keeper.See(7); err != nil {
			t.Error(err)
		}
	}
	b.Look(t.Context())
	if r := b.board.Report(); r.Epoch != 0 || !r.Server.Running {
		t.Errorf("what was seen before the epoch 7 is reported under %d", r.Epoch)
	}
	b.Look(t.Context())
	if r := b.board.Report(); r.Epoch != 7 {
		t.Errorf("what was seen after the epoch 7 is reported under %d", r.Epoch)
	}
}

func TestAServerThatWasNotGrantedIsNotAsked(t *testing.T) {
	b := newBench(t)
	b.fake.set(engine.Server{Running: true, Formed: true}, nil)
	if got := b.Look(t.Context()); got.Running || b.fake.count() > 0 {
		t.Errorf("a server that cannot run was asked: %+v", got)
	}
	if r := b.board.Report(); r.Volume != engine.VolumeEmpty || r.Released || r.Problem != "" {
		t.Errorf("report %+v", r)
	}
}

func TestFormedIsKeptWhenItIsSeen(t *testing.T) {
	b := newBench(t)
	b.grant(t)
	b.fake.set(engine.Server{Running: true}, nil)
	b.Look(t.Context())
	if b.keeper.Volume().Marker.Formed {
		t.Fatal("marked as formed without evidence")
	}
	b.fake.set(engine.Server{Formed: true}, nil)
	b.Look(t.Context())
	if b.keeper.Volume().Marker.Formed {
		t.Fatal("marked as formed by a server that does not run")
	}
	b.fake.set(engine.Server{Running: true, Formed: true}, nil)
	b.Look(t.Context())
	if !b.keeper.Volume().Marker.Formed {
		t.Error("not marked as formed")
	}
	if n := len(b.fake.released); n != 2 || !b.fake.released[1].Formed {
		t.Errorf("released %+v", b.fake.released)
	}
	r := b.board.Report()
	if r.Volume != engine.VolumeMember || !r.Released || r.ClusterID != "c" || r.ClaimUID != "q" || r.Grant != engine.GrantForm {
		t.Errorf("report %+v", r)
	}
}

func TestAServerThatCannotBeAskedDoesNotRun(t *testing.T) {
	b := newBench(t)
	b.grant(t)
	b.fake.set(engine.Server{Running: true, Serving: true}, errors.New("port 1 is closed"))
	b.Look(t.Context())
	if r := b.board.Report(); r.Server.Running || r.Problem == "" {
		t.Errorf("report %+v", r)
	}
	first := b.revision(t)
	b.fake.set(engine.Server{}, errors.New("port 2 is closed"))
	b.Look(t.Context())
	if again := b.revision(t); again != first {
		t.Error("the same trouble in other words made a new revision")
	}
	b.fake.set(engine.Server{Running: true}, nil)
	b.Look(t.Context())
	if r := b.board.Report(); !r.Server.Running || r.Problem != "" {
		t.Errorf("report %+v", r)
	}
}

func TestWhoAsksMayGoAway(t *testing.T) {
	b := newBench(t)
	b.grant(t)
	b.fake.set(engine.Server{Running: true}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if !b.Look(ctx).Running {
		t.Error("a caller that went away was taken for a server that does not answer")
	}
}

// slow answers after a while, or when it is not waited for any longer.
type slow struct {
	*fake
	takes time.Duration
}

func (s slow) Observe(ctx context.Context) (engine.Server, error) {
	server, err := s.fake.Observe(ctx)
	select {
	case <-time.After(s.takes):
		return server, err
	case <-ctx.Done():
		return engine.Server{}, ctx.Err()
	}
}

// A manager waits for little longer than the time of one look, and must have
// its answer by then.
func TestASlowServerIsToldOfInTime(t *testing.T) {
	for _, c := range []struct {
		name        string
		takes, want time.Duration
		running     bool
	}{
		{"slow", time.Second, time.Second, true},
		{"too slow", time.Hour, protocol.LookTime, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				b.grant(t)
				b.fake.set(engine.Server{Running: true, Serving: true}, nil)
				b.server = slow{b.fake, c.takes}
				began := time.Now()
				got := b.Look(t.Context())
				if took := time.Since(began); took != c.want {
					t.Errorf("it took %v, want %v", took, c.want)
				}
				r := b.board.Report()
				if got.Running != c.running || r.Server.Running != c.running || (r.Problem == "") != c.running {
					t.Errorf("looked %+v, report %+v", got, r)
				}
			})
		})
	}
}

// stopped answers nobody, and tells who asks.
type stopped struct{ asked chan struct{} }

func (s stopped) Observe(ctx context.Context) (engine.Server, error) {
	s.asked <- struct{}{}
	<-ctx.Done()
	return engine.Server{}, ctx.Err()
}

// Who asks does not wait for the end of a look that is under way: both together
// would take longer than a manager waits.
func TestALookBeginsInTheMiddleOfAnother(t *testing.T) {
	b := newBench(t)
	b.grant(t)
	s := stopped{make(chan struct{})}
	b.server = s
	looks := time.NewTimer(protocol.LookTime * 2 / 3) // both, before the first one ends
	for range 2 {
		go b.Look(t.Context())
		select {
		case <-s.asked:
		case <-looks.C:
			t.Fatal("a second look waits for the first one")
		}
	}
}

// Of two looks that overlap, the one that began later tells what is true,
// whichever of them ends last.
func TestALaterLookStands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.grant(t)
		b.fake.set(engine.Server{Running: true, Version: "before"}, nil)
		b.server = slow{b.fake, time.Second}
		first := make(chan engine.Server)
		go func() { first <- b.Look(t.Context()) }()
		synctest.Wait()
		b.fake.set(engine.Server{Running: true, Version: "after"}, nil)
		b.server = slow{b.fake, 0}
		b.Look(t.Context())
		if got := (<-first).Version; got != "before" {
			t.Errorf("the first look saw %q", got)
		}
		if got := b.board.Report().Server.Version; got != "after" {
			t.Errorf("the report tells of %q", got)
		}
	})
}

func TestRunLooksAtItsPaceAndWhenKicked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.grant(t)
		b.fake.set(engine.Server{Running: true, Serving: true, Formed: true}, nil)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- b.Run(ctx) }()
		synctest.Wait()
		if n := b.fake.count(); n != 1 {
			t.Fatalf("looked %d times at once", n)
		}
		time.Sleep(10*time.Second + time.Millisecond)
		synctest.Wait()
		if n := b.fake.count(); n != 11 {
			t.Errorf("looked %d times in ten seconds at rest", n)
		}
		before := b.revision(t)
		b.fake.set(engine.Server{Running: true}, nil)
		b.Kick()
		synctest.Wait()
		if b.revision(t) == before {
			t.Error("a kick was not followed by a look")
		}
		n := b.fake.count()
		time.Sleep(time.Second + time.Millisecond)
		synctest.Wait()
		if got := b.fake.count() - n; got != 5 {
			t.Errorf("looked %d times in a second while it matters", got)
		}
		before = b.revision(t)
		cancel()
		synctest.Wait()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if b.revision(t) != before {
			t.Error("the agent's own end was published as a change")
		}
	})
}
