// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package action

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/quorate/quorate/internal/agent/hold"
	"github.com/quorate/quorate/internal/agent/keeper"
	"github.com/quorate/quorate/internal/agent/protocol"
	"github.com/quorate/quorate/internal/agent/volume"
	"github.com/quorate/quorate/internal/engine"
)

// bench is a desk over real directories; done receives the outcome of each
// action.
type bench struct {
	*Desk
	t         *testing.T
	data, run string
	server    engine.Server
	do        func(engine.Step) error
	steps     []engine.Step
	done      chan engine.ActionState
}

func (b *bench) Release(engine.Marker) error { return nil }

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, data: t.TempDir(), run: t.TempDir(), done: make(chan engine.ActionState, 10)}
	if err := hold.Dir(b.run).Prepare(); err != nil {
		t.Fatal(err)
	}
	b.start()
	return b
}

// start makes the desk anew over the same directories, as a restarted agent
// does.
func (b *bench) start() {
	b.t.Helper()
	v, err := volume.Open(b.data, volume.Identity{Member: "db-1", ClusterID: "c"}, func(names []string) bool { return slices.Contains(names, "raft") })
	if err != nil {
		b.t.Fatal(err)
	}
	runner := NewRunner(func(s engine.ActionState) {
		if s.Done {
			b.done <- s
		}
	})
	go runner.Run(b.t.Context())
	b.Desk = &Desk{
		Member: "db-1", PodUID: "p", ClusterID: "c", Runner: runner,
		Keeper: keeper.New(v, hold.Dir(b.run), b, func() error { return os.RemoveAll(filepath.Join(b.data, "raft")) }, nil),
		Do: func(_ context.Context, s engine.Step) error {
			b.steps = append(b.steps, s)
			if b.do != nil {
				return b.do(s)
			}
			return nil
		},
		Look:    func(context.Context) engine.Server { return b.server },
		Changed: func() {},
	}
	if err := b.Keeper.Settle(); err != nil {
		b.t.Fatal(err)
	}
}

func request(id string, epoch int64) protocol.ActionRequest {
	return protocol.ActionRequest{ID: id, Epoch: epoch, PodUID: "p", ClusterID: "c"}
}

func granting(id string, epoch int64, kind engine.GrantKind) protocol.ActionRequest {
	r := request(id, epoch)
	r.Grant = &engine.Grant{Kind: kind, Size: 3, ClusterID: "c", PodUID: "p", ClaimUID: "q"}
	return r
}

func stepping(id string, epoch int64, step engine.Step) protocol.ActionRequest {
	r := request(id, epoch)
	step.Member = "db-1"
	r.Step = &step
	return r
}

// ask sends a request and expects it to be carried out with this error.
func (b *bench) ask(r protocol.ActionRequest, wantError bool) {
	b.t.Helper()
	if refusal := b.Accept(b.t.Context(), r); refusal != nil {
		b.t.Fatalf("refused: %+v", refusal)
	}
	if s := <-b.done; s.ID != r.ID || (s.Error != "") != wantError {
		b.t.Fatalf("outcome %+v", s)
	}
}

func (b *bench) refused(r protocol.ActionRequest, want protocol.RefusalReason) {
	b.t.Helper()
	refusal := b.Accept(b.t.Context(), r)
	if refusal == nil || refusal.Reason != want {
		b.t.Fatalf("refusal %+v, want %s", refusal, want)
	}
}

func TestAGrantMakesAMember(t *testing.T) {
	b := newBench(t)
	b.refused(stepping("s", 1, engine.Step{Kind: engine.StepJoin}), protocol.RefusedVolume)
	b.ask(granting("g", 3, engine.GrantForm), false)
	if !b.Keeper.Open() || b.Keeper.Volume().Epoch != 3 {
		t.Errorf("open %v, volume %+v", b.Keeper.Open(), b.Keeper.Volume())
	}
	if refusal := b.Accept(t.Context(), granting("g", 3, engine.GrantForm)); refusal != nil {
		t.Errorf("the same action was refused: %+v", refusal)
	}
	b.ask(granting("g2", 3, engine.GrantForm), false)
	b.refused(granting("g3", 3, engine.GrantJoin), protocol.RefusedVolume)
	b.refused(granting("g4", 2, engine.GrantForm), protocol.RefusedStale)
	if len(b.done) > 0 {
		t.Error("something was carried out twice")
	}
}

func TestTheHighestEpochIsKeptWhateverBecomesOfTheRequest(t *testing.T) {
	b := newBench(t)
	b.ask(granting("g", 3, engine.GrantForm), false)
	b.server = engine.Server{Running: true, Term: 9}
	b.refused(stepping("s", 8, engine.Step{Kind: engine.StepPromote, Term: 5}), protocol.RefusedMoved)
	b.refused(stepping("t", 7, engine.Step{Kind: engine.StepPromote}), protocol.RefusedStale)
	b.start()
	b.refused(stepping("t", 7, engine.Step{Kind: engine.StepPromote}), protocol.RefusedStale)
	other := stepping("u", 99, engine.Step{Kind: engine.StepPromote})
	other.PodUID = "another"
	b.refused(other, protocol.RefusedOther)
	b.ask(stepping("v", 8, engine.Step{Kind: engine.StepPromote}), false)
	if len(b.steps) != 1 {
		t.Errorf("steps %+v", b.steps)
	}
}

func TestTheFenceSeesTheServerAsItIsNow(t *testing.T) {
	b := newBench(t)
	b.ask(granting("g", 1, engine.GrantForm), false)
	b.server = engine.Server{Running: true, ID: "one", Term: 4}
	b.ask(stepping("a", 1, engine.Step{Kind: engine.StepStepDown, SubjectID: "one", Term: 4}), false)
	b.server.Term = 5
	b.refused(stepping("b", 1, engine.Step{Kind: engine.StepStepDown, SubjectID: "one", Term: 4}), protocol.RefusedMoved)
	b.refused(stepping("c", 1, engine.Step{Kind: engine.StepStepDown, SubjectID: "two"}), protocol.RefusedMoved)
}

func TestASecondActionIsRefusedWhileOneRuns(t *testing.T) {
	b := newBench(t)
	b.ask(granting("g", 1, engine.GrantForm), false)
	finish := make(chan error)
	b.do = func(engine.Step) error { return <-finish }
	first := stepping("a", 1, engine.Step{Kind: engine.StepJoin})
	if refusal := b.Accept(t.Context(), first); refusal != nil {
		t.Fatal(refusal)
	}
	b.refused(stepping("b", 1, engine.Step{Kind: engine.StepJoin}), protocol.RefusedBusy)
	if refusal := b.Accept(t.Context(), first); refusal != nil {
		t.Errorf("the running action was refused: %+v", refusal)
	}
	finish <- errors.New("boom")
	if s := <-b.done; s.Error == "" {
		t.Errorf("outcome %+v", s)
	}
	for b.Runner.Standing("a") != New {
		time.Sleep(10 * time.Millisecond) // until it may be begun again
	}
	go func() { finish <- nil }()
	b.ask(first, false)
}

func TestALeaveIsMarkedBeforeTheServerIsTold(t *testing.T) {
	b := newBench(t)
	b.ask(granting("g", 1, engine.GrantForm), false)
	running := b.serverRuns()
	told := false
	b.do = func(engine.Step) error {
		told = true
		held, err := hold.Dir(b.run).Held()
		if s := b.Keeper.Volume(); s.State != engine.VolumeLeaving || !held || err != nil {
			t.Errorf("told to leave with the volume %s, held %v, %v", s.State, held, err)
		}
		return errors.New("no answer")
	}
	leave := stepping("l", 1, engine.Step{Kind: engine.StepLeave})
	b.ask(leave, true)
	if !told {
		t.Fatal("the server was not told")
	}
	b.start()
	if b.Keeper.Open() {
		t.Error("a restarted agent lets a leaving member's server start")
	}
	b.do = nil
	b.refused(stepping("p", 1, engine.Step{Kind: engine.StepPromote}), protocol.RefusedVolume)
	b.refused(granting("f", 1, engine.GrantForm), protocol.RefusedVolume)
	b.refused(granting("j", 1, engine.GrantJoin), protocol.RefusedVolume)
	b.ask(leave, false)
	running()
	b.ask(granting("j", 1, engine.GrantJoin), false)
	if _, err := os.Stat(filepath.Join(b.data, "raft")); !os.IsNotExist(err) {
		t.Errorf("the data of the member that left is still there: %v", err)
	}
}

// A server that gives away what it has is started again if it dies meanwhile: nothing
// is marked before the membership has let it go, nor while it says that it takes part.
func TestALeaveThatMovesDataIsMarkedOnceItIsDone(t *testing.T) {
	b := newBench(t)
	b.ask(granting("g", 1, engine.GrantJoin), false)
	running := b.serverRuns()
	member := func(what string) {
		t.Helper()
		if s := b.Keeper.Volume(); s.State != engine.VolumeMember || !b.Keeper.Open() {
			t.Errorf("%s: the volume is %s, open %v", what, s.State, b.Keeper.Open())
		}
	}
	moving := engine.Step{Kind: engine.StepLeave, Leave: engine.LeaveMoving, SubjectID: "one"}
	b.server = engine.Server{Running: true, Formed: true, ID: "one", View: &engine.View{Peers: []engine.Peer{{ID: "one", Voter: true}}}}
	b.ask(stepping("m", 1, moving), false)
	member("it moves its data")
	b.start()
	member("its agent was started again")
	b.ask(stepping("g", 1, engine.Step{Kind: engine.StepLeave, Leave: engine.LeaveGone}), true)
	member("it takes part")
	b.server.View = nil
	b.ask(stepping("v", 1, engine.Step{Kind: engine.StepLeave, Leave: engine.LeaveGone}), true)
	member("it may take part")
	if len(b.steps) != 1 || b.steps[0].Leave != engine.LeaveMoving {
		t.Errorf("the server was told %+v", b.steps)
	}
	b.server = engine.Server{Running: true}
	b.do = func(engine.Step) error { return errors.New("it has just joined") }
	b.ask(stepping("j", 1, engine.Step{Kind: engine.StepLeave, Leave: engine.LeaveGone}), true)
	member("its engine's half refuses")
	b.do = nil
	b.ask(stepping("h", 1, engine.Step{Kind: engine.StepLeave, Leave: engine.LeaveGone}), false)
	if s := b.Keeper.Volume().State; s != engine.VolumeLeaving || b.Keeper.Open() {
		t.Errorf("it has left: the volume is %s, open %v", s, b.Keeper.Open())
	}
	running()
	b.ask(stepping("i", 1, engine.Step{Kind: engine.StepLeave, Leave: "Strange"}), true)
}

// A reload goes to the server with its files, under the fence of any other
// step, and only while the member is one and stays one.
func TestAReloadReachesTheServerOfAMember(t *testing.T) {
	b := newBench(t)
	files := map[string]string{"tuning.json": `{"log_level": "<debug>"}`, "checks.json": strings.Repeat("x", 1<<20)}
	reload := func(id string, term uint64) protocol.ActionRequest {
		return stepping(id, 1, engine.Step{Kind: engine.StepReload, Params: files, Term: term})
	}
	b.refused(reload("a", 0), protocol.RefusedVolume)
	b.ask(granting("g", 1, engine.GrantForm), false)
	b.ask(reload("b", 0), false)
	if len(b.steps) != 1 || b.steps[0].Kind != engine.StepReload || !maps.Equal(b.steps[0].Params, files) {
		t.Fatalf("%d steps", len(b.steps))
	}
	b.do = func(engine.Step) error { return errors.New("no such setting") }
	b.ask(reload("c", 0), true)
	b.do = nil
	b.server = engine.Server{Running: true, Term: 9}
	b.refused(reload("d", 8), protocol.RefusedMoved)
	stale := reload("e", 0)
	b.ask(stepping("n", 3, engine.Step{Kind: engine.StepConfigure}), false)
	b.refused(stale, protocol.RefusedStale)

	b.ask(stepping("l", 3, engine.Step{Kind: engine.StepLeave}), false)
	stale.Epoch = 3
	b.refused(stale, protocol.RefusedVolume)
}

func TestALeaveWithoutAServerNeedsNobodyToTell(t *testing.T) {
	b := newBench(t)
	b.do = func(engine.Step) error { return errors.New("no answer") }
	b.ask(stepping("a", 1, engine.Step{Kind: engine.StepLeave}), false)
	if s := b.Keeper.Volume(); s.State != engine.VolumeEmpty {
		t.Errorf("a volume without a grant became %s", s.State)
	}
	b.ask(granting("g", 1, engine.GrantJoin), false)
	b.ask(stepping("b", 1, engine.Step{Kind: engine.StepLeave}), false)
	if s := b.Keeper.Volume(); s.State != engine.VolumeLeaving || b.Keeper.Released() {
		t.Errorf("the volume is %s, released %v", s.State, b.Keeper.Released())
	}
	if len(b.steps) > 0 {
		t.Errorf("a server that does not run was told %+v", b.steps)
	}
}

func TestAnothersLeaveLeavesNoMark(t *testing.T) {
	b := newBench(t)
	b.ask(granting("g", 1, engine.GrantForm), false)
	b.ask(stepping("l", 1, engine.Step{Kind: engine.StepLeave, Subject: "db-2"}), false)
	if s := b.Keeper.Volume().State; s != engine.VolumeMember || !b.Keeper.Open() {
		t.Errorf("the volume is %s, open %v", s, b.Keeper.Open())
	}
	b.ask(stepping("m", 1, engine.Step{Kind: engine.StepLeave, Subject: "db-1"}), false)
	if s := b.Keeper.Volume().State; s != engine.VolumeLeaving {
		t.Errorf("the volume is %s", s)
	}
}

// serverRuns puts data on the volume and takes the lock as a server has it.
func (b *bench) serverRuns() func() {
	b.t.Helper()
	if err := os.MkdirAll(filepath.Join(b.data, "raft"), 0o700); err != nil {
		b.t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(b.run, "server.lock"))
	if err != nil {
		b.t.Fatal(err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		b.t.Fatal(err)
	}
	return func() { _ = f.Close() }
}
