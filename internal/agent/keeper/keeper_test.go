// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package keeper

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/quorate/quorate/internal/agent/hold"
	"github.com/quorate/quorate/internal/agent/volume"
	"github.com/quorate/quorate/internal/engine"
)

// bench is a keeper with its directories, and an engine that notes down what
// it is asked for.
type bench struct {
	*Keeper
	t            *testing.T
	data, run    string
	released     []engine.Marker
	failRelease  error
	retired      int
	heldAtRetire bool
	// prepared are the recoveries that data was prepared for.
	prepared      []int
	heldAtPrepare bool
}

func (b *bench) Release(m engine.Marker) error {
	if b.failRelease != nil {
		return b.failRelease
	}
	b.released = append(b.released, m)
	return nil
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, data: t.TempDir(), run: t.TempDir()}
	b.must(hold.Dir(b.run).Prepare())
	b.restart()
	return b
}

// restart makes a new keeper over the same directories, as a new agent would.
func (b *bench) restart() {
	b.t.Helper()
	v, err := volume.Open(b.data, volume.Identity{Member: "db-0", ClusterID: "c"}, func(names []string) bool { return slices.Contains(names, "raft") })
	b.must(err)
	b.Keeper = New(v, hold.Dir(b.run), b, func() error {
		b.retired++
		b.heldAtRetire = b.held()
		return os.RemoveAll(filepath.Join(b.data, "raft"))
	}, func(r engine.Recovery) error {
		b.prepared = append(b.prepared, r.Number)
		b.heldAtPrepare = b.held()
		return os.WriteFile(filepath.Join(b.data, "raft", "peers.json"), []byte(r.Params["peers"]), 0o600)
	})
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) held() bool {
	b.t.Helper()
	held, err := hold.Dir(b.run).Held()
	b.must(err)
	return held
}

// serverRuns takes the lock as a server's process has it, until the returned
// function is called.
func (b *bench) serverRuns() func() {
	b.t.Helper()
	b.must(os.MkdirAll(filepath.Join(b.data, "raft"), 0o700))
	f, err := os.Open(filepath.Join(b.run, "server.lock"))
	b.must(err)
	b.must(unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB))
	return func() { _ = f.Close() }
}

func (b *bench) gate(open bool, state engine.VolumeState) {
	b.t.Helper()
	if b.Open() != open || b.held() == open {
		b.t.Errorf("open %v, held %v; want open %v", b.Open(), b.held(), open)
	}
	if got := b.Volume().State; got != state {
		b.t.Errorf("the volume is %s, want %s", got, state)
	}
}

func grant(kind engine.GrantKind) engine.Grant {
	g := engine.Grant{Kind: kind, ClusterID: "c", PodUID: "p", ClaimUID: "q"}
	if kind == engine.GrantForm {
		g.Size = 3
	}
	return g
}

func TestAnEmptyVolumeWaitsAndAGrantOpens(t *testing.T) {
	b := newBench(t)
	b.must(b.Settle())
	b.gate(false, engine.VolumeEmpty)
	if b.Released() || len(b.released) > 0 {
		t.Error("something was released without a grant")
	}
	b.must(b.Grant(grant(engine.GrantForm)))
	b.gate(true, engine.VolumeMember)
	if len(b.released) != 1 || b.released[0].Formed || b.released[0].Grant.Size != 3 {
		t.Errorf("released %+v", b.released)
	}
	b.must(b.Settle())
	b.must(b.Grant(grant(engine.GrantForm)))
	if len(b.released) != 1 {
		t.Errorf("settings were written again: %+v", b.released)
	}
	if err := b.Grant(grant(engine.GrantJoin)); err == nil {
		t.Error("a member took another grant")
	}
	b.gate(true, engine.VolumeMember)
	if b.retired > 0 {
		t.Error("data was removed")
	}
}

func TestAMemberStartsWithoutAnybody(t *testing.T) {
	b := newBench(t)
	b.must(b.Grant(grant(engine.GrantForm)))
	b.must(hold.Dir(b.run).Prepare())
	b.restart()
	b.must(b.Settle())
	b.gate(true, engine.VolumeMember)
	if len(b.released) != 2 || b.released[1].Formed {
		t.Errorf("a member that has not formed gets its settings again: %+v", b.released)
	}
}

func TestFormedDropsTheSettingsBeforeTheMark(t *testing.T) {
	b := newBench(t)
	b.must(b.Grant(grant(engine.GrantForm)))
	stop := b.serverRuns()
	defer stop()

	b.failRelease = errors.New("disk full")
	if err := b.Formed(); !errors.Is(err, b.failRelease) {
		t.Errorf("error %v", err)
	}
	if b.Volume().Marker.Formed {
		t.Fatal("marked as formed though the settings to form are still there")
	}
	b.failRelease = nil
	b.must(b.Formed())
	b.must(b.Formed())
	b.must(b.Settle())
	if !b.Volume().Marker.Formed || len(b.released) != 2 || !b.released[1].Formed {
		t.Errorf("marker %+v, released %+v", b.Volume().Marker, b.released)
	}
	b.restart()
	b.must(b.Settle())
	if last := b.released[len(b.released)-1]; !last.Formed {
		t.Errorf("after a restart settings were written for %+v", last)
	}
	b.gate(true, engine.VolumeMember)
}

func TestTheGateStaysShutUntilTheSettingsAreWritten(t *testing.T) {
	b := newBench(t)
	b.failRelease = errors.New("disk full")
	if err := b.Grant(grant(engine.GrantJoin)); !errors.Is(err, b.failRelease) {
		t.Errorf("error %v", err)
	}
	b.gate(false, engine.VolumeMember)
	b.failRelease = nil
	b.must(b.Settle())
	b.gate(true, engine.VolumeMember)
}

func TestALeaveIsNeverUndone(t *testing.T) {
	b := newBench(t)
	b.must(b.Grant(grant(engine.GrantJoin)))
	stop := b.serverRuns()
	b.must(b.Formed())
	b.must(b.BeginLeave())
	b.gate(false, engine.VolumeLeaving)
	if !b.Released() {
		t.Error("the server still runs and counts as ended")
	}
	b.restart()
	b.must(b.Settle())
	b.gate(false, engine.VolumeLeaving)
	if err := b.Grant(grant(engine.GrantForm)); err == nil {
		t.Error("a member that has left was let form")
	}
	if err := b.Grant(grant(engine.GrantJoin)); !errors.Is(err, ErrServerRuns) || b.retired > 0 {
		t.Errorf("error %v, data removed %d times under a running server", err, b.retired)
	}
	stop()
	if b.Released() {
		t.Error("the server ended and counts as running")
	}
	b.must(b.Grant(grant(engine.GrantJoin)))
	b.gate(true, engine.VolumeMember)
	if b.retired != 1 || !b.heldAtRetire {
		t.Errorf("data removed %d times, under the hold: %v", b.retired, b.heldAtRetire)
	}
	n := len(b.released)
	b.must(b.BeginLeave())
	b.must(b.Grant(grant(engine.GrantJoin))) // the same pod, and the same grant
	if b.retired != 2 || len(b.released) != n+1 {
		t.Errorf("what a server is given before it starts was given %d times more after its data was removed", len(b.released)-n)
	}
	if m := b.Volume().Marker; m.Leaving || m.Formed {
		t.Errorf("marker %+v", m)
	}
}

func TestAForeignVolumeIsHeldForEver(t *testing.T) {
	b := newBench(t)
	b.must(os.Mkdir(filepath.Join(b.data, "raft"), 0o700))
	b.restart()
	b.must(hold.Dir(b.run).Lift())
	b.must(b.Settle())
	b.gate(false, engine.VolumeForeign)
	for _, kind := range []engine.GrantKind{engine.GrantForm, engine.GrantJoin} {
		if err := b.Grant(grant(kind)); err == nil {
			t.Errorf("a foreign volume took a grant to %s", kind)
		}
	}
	if err := b.BeginLeave(); err == nil {
		t.Error("a foreign volume was marked")
	}
	b.gate(false, engine.VolumeForeign)
	if b.retired > 0 || len(b.released) > 0 {
		t.Error("something was removed or released")
	}
}

func TestEpochsOutliveAnAgent(t *testing.T) {
	b := newBench(t)
	b.must(b.See(4))
	b.must(b.Grant(grant(engine.GrantForm)))
	b.restart()
	if got := b.Volume().Epoch; got != 4 {
		t.Errorf("epoch %d", got)
	}
}

func TestARecoveryPreparesTheDataWhileNoServerRuns(t *testing.T) {
	b := newBench(t)
	b.must(b.Grant(grant(engine.GrantForm)))
	b.must(b.Formed())
	ended := b.serverRuns()
	b.must(b.BeginRecovery(engine.Recovery{Number: 1, Params: map[string]string{"peers": "[]"}}))
	b.gate(false, engine.VolumeRecovering)
	if len(b.prepared) > 0 {
		t.Fatal("the data of a running server was touched")
	}
	b.restart() // an agent that is replaced knows it from the volume
	b.must(b.Settle())
	b.gate(false, engine.VolumeRecovering)
	ended()
	b.must(b.Settle())
	b.gate(true, engine.VolumeMember)
	if !slices.Equal(b.prepared, []int{1}) || !b.heldAtPrepare {
		t.Errorf("prepared %v, held %v", b.prepared, b.heldAtPrepare)
	}

	// From here on a server may have started: the same is never done again.
	b.must(b.BeginRecovery(engine.Recovery{Number: 1}))
	b.restart()
	b.must(b.Settle())
	b.gate(true, engine.VolumeMember)
	b.must(b.BeginRecovery(engine.Recovery{Number: 2}))
	if !slices.Equal(b.prepared, []int{1, 2}) {
		t.Errorf("prepared %v", b.prepared)
	}
	if m := b.Volume().Marker; m.Recovered != 2 || !m.Formed {
		t.Errorf("the marker is %+v", m)
	}
}

func TestNoRecoveryOnAVolumeThatIsNobodys(t *testing.T) {
	b := newBench(t)
	if err := b.BeginRecovery(engine.Recovery{Number: 1}); err == nil {
		t.Error("an empty volume was recovered")
	}
	b.gate(false, engine.VolumeEmpty)
	b.must(b.Grant(grant(engine.GrantJoin)))
	b.must(b.BeginLeave())
	if err := b.BeginRecovery(engine.Recovery{Number: 1}); err == nil {
		t.Error("a member that has left was recovered")
	}
	b.gate(false, engine.VolumeLeaving)
	b = newBench(t)
	b.must(b.Grant(grant(engine.GrantJoin)))
	b.recover = nil
	if err := b.BeginRecovery(engine.Recovery{Number: 1}); err == nil {
		t.Error("an engine without recoveries recovered")
	}
}
