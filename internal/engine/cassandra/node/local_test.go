// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/attend"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/cassandra"
)

// asker notes down what it is asked for.
type asker struct {
	asked    []string
	purposes []string
	err      error
	runs     bool
	says     string
	// running is how often it says that the tool runs on before that.
	running int
}

func (a *asker) Runs(context.Context, string) (bool, error) { return a.runs, a.err }

func (a *asker) Ask(_ context.Context, purpose string, arguments ...string) (string, error) {
	a.asked, a.purposes = append(a.asked, strings.Join(arguments, " ")), append(a.purposes, purpose)
	if a.running > 0 {
		a.running--
		return "", fmt.Errorf("%s: %w", arguments[0], attend.ErrRunning)
	}
	return a.says, a.err
}

// beside returns an agent's half whose server does not run.
func beside(t *testing.T, a Asker) *local {
	t.Helper()
	dir := t.TempDir()
	config := engine.LocalConfig{Member: "db-1", ConfigDir: dir, DataDir: dir, SecretDir: dir}
	return newLocal(config, place{address: "127.0.0.1", native: closedPort(t), jmx: closedPort(t)}, a)
}

// closedPort is one that nobody listens on.
func closedPort(t *testing.T) int {
	t.Helper()
	l := listen(t)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return l.Addr().(*net.TCPAddr).Port
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func TestReleaseWritesTheSeedsThatTheGrantAllows(t *testing.T) {
	l := beside(t, nil)
	for name, text := range map[string]string{
		cassandra.ServerFile: "cluster_name: db\n",
		cassandra.MemberFile: "listen_address: 10.0.0.1\nbroadcast_address: 10.1.0.1\nothers: [10.1.0.2]\n",
	} {
		if err := os.WriteFile(filepath.Join(l.config.ConfigDir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		marker engine.Marker
		want   string
	}{
		{engine.Marker{Grant: engine.Grant{Kind: engine.GrantForm}}, "seeds: 10.1.0.1\n"},
		{engine.Marker{Grant: engine.Grant{Kind: engine.GrantJoin}}, "seeds: 10.1.0.2\n"},
		{engine.Marker{Grant: engine.Grant{Kind: engine.GrantJoin}, Formed: true}, "seeds: 10.1.0.1,10.1.0.2\n"},
	} {
		if err := l.Release(c.marker); err != nil {
			t.Fatal(err)
		}
		if got := readText(filepath.Join(l.config.ConfigDir, cassandra.ReleaseFile)) + "\n"; !strings.HasSuffix(got, c.want) {
			t.Errorf("%+v: %s", c.marker, got)
		}
	}
}

func TestServerThatAnswersNoClientIsKnownToRunByItsManagement(t *testing.T) {
	l := beside(t, nil)
	if got, err := l.Observe(t.Context()); err != nil || got.Running {
		t.Errorf("nothing runs: %+v, %v", got, err)
	}
	l.place.jmx = listen(t).Addr().(*net.TCPAddr).Port
	if got, err := l.Observe(t.Context()); err != nil || !got.Running || got.Formed || got.View != nil {
		t.Errorf("it joins: %+v, %v", got, err)
	}
}

func TestLeaveStreamsAwayAndIsEndedOnceItIsGone(t *testing.T) {
	a := &asker{}
	l := beside(t, a)
	moving, gone := engine.Step{Kind: engine.StepLeave, Member: "db-1", Leave: engine.LeaveMoving}, engine.Step{Kind: engine.StepLeave, Member: "db-1", Leave: engine.LeaveGone}
	if err := l.Do(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	if err := l.Do(t.Context(), moving); err == nil {
		t.Error("a server that does not answer is taken for one that streams")
	}
	l.place.native = listen(t).Addr().(*net.TCPAddr).Port
	if err := l.Do(t.Context(), gone); err == nil {
		t.Error("a server that answers is ended")
	}
	a.err = fmt.Errorf("decommission: %w", attend.ErrRunning)
	if err := l.Do(t.Context(), moving); err != nil {
		t.Errorf("a leave that goes on is taken for one that failed: %v", err)
	}
	a.err = errors.New("not enough live nodes")
	if err := l.Do(t.Context(), moving); err == nil {
		t.Error("a leave that was refused is taken for one that goes on")
	}
	if want := []string{attend.Stop, decommission, decommission}; !slices.Equal(a.asked, want) {
		t.Errorf("asked for %q, want %q", a.asked, want)
	}
}

// A server that is in the ring is not ended, whether it answers clients yet or not.
func TestOnlyAServerOutsideTheRingIsEnded(t *testing.T) {
	gone := engine.Step{Kind: engine.StepLeave, Member: "db-1", Leave: engine.LeaveGone}
	for _, c := range []struct {
		says string
		err  error
		ends bool
	}{
		{"Mode: JOINING\nNot sending any streams.", nil, true},
		{"WARNING\nMode: DECOMMISSIONED", nil, true},
		{"Mode: JOINING_FAILED", nil, true},
		{"Mode: NORMAL", nil, false},
		{"Mode: LEAVING", nil, false},
		{"Mode: DECOMMISSION_FAILED", nil, false},
		{"Mode: DRAINED", nil, false},
		{"", nil, false},
		{"", errors.New("connection refused"), false},
		{"", attend.ErrNobody, false},
	} {
		a := &asker{says: c.says, err: c.err, running: 1}
		l := beside(t, a)
		l.place.jmx = listen(t).Addr().(*net.TCPAddr).Port
		err := l.Do(t.Context(), gone)
		if p := a.purposes; p[0] == "" || p[0] != p[1] {
			t.Errorf("asked for its mode for %q", p)
		}
		if ended := slices.Contains(a.asked, attend.Stop); ended != c.ends || (err == nil) != c.ends {
			t.Errorf("%+v: %v, asked for %q", c, err, a.asked)
		}
	}
	if err := beside(t, &asker{err: attend.ErrNobody}).Do(t.Context(), gone); err != nil {
		t.Errorf("nothing runs: %v", err)
	}
	ended := &asker{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // so that nobody answers in time
	if l := beside(t, ended); l.Do(ctx, gone) == nil || slices.Contains(ended.asked, attend.Stop) {
		t.Errorf("nobody answers in time: asked for %q", ended.asked)
	}
}

// A leave that failed is not one that is under way, though the server still tells others
// that it leaves; where nobody can say, it may be.
func TestALeaveIsUnderWayWhileItsToolRuns(t *testing.T) {
	a := &asker{}
	l := beside(t, a)
	for _, c := range []struct {
		runs bool
		err  error
		want bool
	}{{true, nil, true}, {false, nil, false}, {false, errors.New("nobody is there"), true}} {
		a.runs, a.err = c.runs, c.err
		if got := l.moves(t.Context()); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestStepsThatLackSomethingAskForNothing(t *testing.T) {
	a := &asker{}
	l := beside(t, a)
	for _, s := range []engine.Step{
		{Kind: engine.StepPromote},
		{Kind: engine.StepBootstrap},
		{Kind: engine.StepConfigure, Params: map[string]string{cassandra.ParamFactor: "0"}},
		{Kind: engine.StepConfigure, Params: map[string]string{cassandra.ParamCleanup: "true"}},
		{Kind: engine.StepEvictDead, SubjectID: "id"},
	} {
		if err := l.Do(t.Context(), s); err == nil || len(a.asked) > 0 {
			t.Errorf("%+v: %v, asked for %q", s, err, a.asked)
		}
	}
}

func TestDrainOfAServerThatDoesNotRunIsNothing(t *testing.T) {
	a := &asker{}
	l := beside(t, a)
	if err := l.Drain(t.Context()); err != nil || len(a.asked) > 0 {
		t.Errorf("%v, asked for %q", err, a.asked)
	}
	l.place.native = listen(t).Addr().(*net.TCPAddr).Port
	if err := l.Drain(t.Context()); err != nil || !slices.Equal(a.asked, []string{"drain"}) {
		t.Errorf("%v, asked for %q", err, a.asked)
	}
}

func TestDrainIsWaitedFor(t *testing.T) {
	a := &asker{running: 2}
	l := beside(t, a)
	l.place.native = listen(t).Addr().(*net.TCPAddr).Port
	if err := l.Drain(t.Context()); err != nil || len(a.asked) != 3 {
		t.Errorf("%v, asked for %q", err, a.asked)
	}
}

func TestSessionThatTookAllTheTimeIsKept(t *testing.T) {
	for _, c := range []struct {
		opened bool
		end    error
		want   bool
	}{
		{true, context.DeadlineExceeded, true},
		{false, context.DeadlineExceeded, false}, // it hangs
		{true, nil, false},                       // it failed
		{true, context.Canceled, false},
	} {
		if got := worthKeeping(c.opened, c.end); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestHeartbeatThatStopsIsMissed(t *testing.T) {
	l := beside(t, nil)
	for range 2 {
		if !l.hears("a", heart{generation: 1, beat: 1}) {
			t.Error("one that was just heard is missed")
		}
	}
	last := l.hearts["a"]
	last.at = time.Now().Add(-silence)
	l.hearts["a"] = last
	if l.hears("a", heart{generation: 1, beat: 1}) {
		t.Error("one that stopped is heard")
	}
	if !l.hears("a", heart{generation: 1, beat: 2}) {
		t.Error("one that goes on is missed")
	}
}

func TestReplicationFactors(t *testing.T) {
	type r = map[string]string
	for want, replication := range map[string]r{
		"3 true":  {"class": "NetworkTopologyStrategy", "east": "3"},
		"2 true":  {"class": "NetworkTopologyStrategy", "east": "2/1"},
		"1 false": {"class": "SimpleStrategy", "replication_factor": "1"},
		"0 false": {"class": "LocalStrategy"},
	} {
		factor, in := factorOf(replication, "east")
		if got := fmt.Sprint(factor, in); got != want {
			t.Errorf("%v: %s, want %s", replication, got, want)
		}
	}
}

// TestFactorsAreChangedOneKeyspaceAtATime has none be lowered that is not to be, nor by
// more than one, wherever a change before it was cut short.
func TestFactorsAreChangedOneKeyspaceAtATime(t *testing.T) {
	of := func(auth, traces, distributed int) *replication {
		return &replication{own: map[string]int{"system_auth": auth, "system_traces": traces, "system_distributed": distributed}, elsewhere: map[string]int{}}
	}
	begun := &replication{own: map[string]int{}, elsewhere: map[string]int{"system_auth": 1, "system_traces": 2, "system_distributed": 3}}
	for _, c := range []struct {
		name                 string
		now                  *replication
		least, most, members int
		want                 map[string]int
		facts                string
	}{
		{"alike", of(3, 3, 3), 3, 0, 3, map[string]int{}, "3 3"},
		{"raised", of(2, 2, 2), 3, 0, 3, map[string]int{"system_auth": 3, "system_traces": 3, "system_distributed": 3}, "2 2"},
		{"a raise that was cut short", of(2, 3, 3), 3, 0, 3, map[string]int{"system_auth": 3}, "2 3"},
		{"a lowering that was cut short", of(2, 3, 2), 0, 2, 3, map[string]int{"system_traces": 2}, "2 3"},
		{"lowered by one", of(3, 2, 3), 0, 1, 3, map[string]int{"system_auth": 2, "system_traces": 1, "system_distributed": 2}, "2 3"},
		{"as a ring begins", begun, 1, 0, 1, map[string]int{"system_auth": 1, "system_traces": 1, "system_distributed": 1}, "0 0"},
		{"as it began, and has grown", begun, 1, 0, 2, map[string]int{"system_auth": 1, "system_traces": 2, "system_distributed": 2}, "0 0"},
		{"one is missing", &replication{own: map[string]int{"system_auth": 3}}, 3, 0, 3, map[string]int{}, " "},
	} {
		if got := c.now.changed(c.least, c.most, c.members); !maps.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		facts := map[string]string{}
		c.now.facts(facts)
		if got := facts[cassandra.FactFactor] + " " + facts[cassandra.FactMost]; got != c.facts {
			t.Errorf("%s: reported as %q, want %q", c.name, got, c.facts)
		}
	}
}

func TestCleanupIsDueOnceAnotherHasJoined(t *testing.T) {
	l := beside(t, nil)
	peer := func(id string, voter bool) engine.Peer { return engine.Peer{ID: id, Voter: voter} }
	for _, c := range []struct {
		name  string
		peers []engine.Peer
		want  bool
	}{
		{"first seen", []engine.Peer{peer("a", true), peer("b", true)}, false},
		{"one is joining", []engine.Peer{peer("a", true), peer("b", true), peer("c", false)}, false},
		{"one has left", []engine.Peer{peer("a", true)}, false},
		{"one has joined", []engine.Peer{peer("a", true), peer("c", true)}, true},
	} {
		if got, err := l.cleanupDue(&engine.View{Peers: c.peers}); err != nil || got != c.want {
			t.Errorf("%s: %v, %v", c.name, got, err)
		}
	}
}

// TestARingIsNamedByWhoHasAFullPart tells what was done for one ring from another's.
func TestARingIsNamedByWhoHasAFullPart(t *testing.T) {
	name := func(peers ...engine.Peer) string { return ringName(&engine.View{Peers: peers}) }
	a, b, joining := engine.Peer{ID: "a", Voter: true}, engine.Peer{ID: "b", Voter: true}, engine.Peer{ID: "c"}
	if name(a, b) != name(b, a) || name(a, b) != name(a, joining, b) || name(a) == name(a, b) {
		t.Error(name(a, b), name(b, a), name(a, joining, b), name(a))
	}
}

// A member that is gone and was not seen to leave is missed until the data was repaired,
// whoever came in its place, and whether the agent was started again or not.
func TestRepairIsDueOnceAnotherIsGoneWithoutALeave(t *testing.T) {
	l := beside(t, nil)
	view := func(ids ...string) *engine.View {
		v := &engine.View{Peers: []engine.Peer{{ID: "joining"}}}
		for _, id := range ids {
			v.Peers = append(v.Peers, engine.Peer{ID: id, Voter: true})
		}
		return v
	}
	look := func(what string, v *engine.View, leaving []string, want string) {
		t.Helper()
		facts := map[string]string{}
		err := l.upkeep(v, leaving, facts)
		if got := facts[cassandra.FactRepair] + " " + facts[cassandra.FactRepaired]; err != nil || got != want {
			t.Errorf("%s: %q, want %q; %v", what, got, want, err)
		}
		l = beside(t, nil).on(l.config.DataDir)
	}
	look("first seen", view("a", "b", "c"), nil, " ")
	look("one is leaving", view("a", "b", "c"), []string{"c"}, " ")
	look("it has left", view("a", "b"), nil, " ")
	look("another has joined", view("a", "b", "d"), nil, " ")
	look("it is leaving", view("a", "b", "d"), []string{"d"}, " ")
	look("it stays, or has died", view("a", "b", "d"), nil, " ")
	look("it is gone", view("a", "b"), nil, "Due ")
	look("another is in its place", view("a", "b", "e"), nil, "Due ")
	if err := l.remember(acquaintance{Repaired: ringName(view("a", "b", "e"))}.with(view("a", "b", "e"), nil)); err != nil {
		t.Fatal(err)
	}
	look("repaired", view("a", "b", "e"), nil, " Done")
	look("one more has joined", view("a", "b", "e", "f"), nil, " ")
}

// on has it use another's data folder.
func (l *local) on(dir string) *local {
	l.config.DataDir = dir
	return l
}

func TestSpaceIsMeasured(t *testing.T) {
	if total, largest := sum(map[string]int64{"a": 2, "b": 3, "c": 3, "d": 0}); total != 8 || largest != "b" {
		t.Errorf("%d, %q", total, largest)
	}
	if total, largest := sum(nil); total != 0 || largest != "" {
		t.Errorf("nothing: %d, %q", total, largest)
	}
	if free, err := freeOn(t.TempDir()); err != nil || free <= 0 {
		t.Errorf("%d free, %v", free, err)
	}
	if _, err := freeOn("/nowhere"); err == nil {
		t.Error("there is room nowhere")
	}
}

func TestOneThatLeavesServesUntilItIsGone(t *testing.T) {
	for _, c := range []struct {
		at, state string
		beats     bool
		healthy   bool
		leaving   int
		peers     int
	}{
		{"10.0.0.1", "NORMAL", true, true, 0, 1},
		{"10.0.0.1", "NORMAL", false, false, 0, 1},
		{"10.0.0.1", "LEAVING", true, true, 1, 1},
		{"10.0.0.1", "LEAVING", false, false, 0, 1}, // it died, and the others are told so for ever
		{"10.0.0.1", "shutdown", true, false, 0, 1},
		{"10.0.0.2", "BOOT", true, false, 0, 2},
		{"10.0.0.2", "LEFT", true, false, 0, 1},
	} {
		v := sight{peers: []engine.Peer{{ID: "a", Address: "10.0.0.1", Voter: true}}}
		v.add(c.at, "b", c.state, c.beats)
		if v.peers[0].Healthy != c.healthy || len(v.leaving) != c.leaving || len(v.peers) != c.peers {
			t.Errorf("%+v: %+v", c, v)
		}
	}
}

func TestPasswordsCannotBreakOutOfAStatement(t *testing.T) {
	if got := quoted(`a'; DROP ROLE admin; --`); got != `'a''; DROP ROLE admin; --'` {
		t.Error(got)
	}
}
