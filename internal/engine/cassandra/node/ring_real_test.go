//go:build realcassandra

// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	gocql "github.com/apache/cassandra-gocql-driver/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/attend"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/cassandra"
	"github.com/quorate/quorate/internal/layout"
)

const testPassword = "2f1c7f0e-0000-4000-8000-000000000001"

// size is that of the largest ring here: each server is a Java of its own.
const size = 3

// ring is real servers on loopback, each with its own address and agent's half.
type ring struct {
	*testing.T
	names   layout.Layout
	members [size]*server
}

type server struct {
	t       *testing.T
	name    string
	address string
	dir     string
	jmx     int
	marker  engine.Marker
	local   *local
	cancel  context.CancelFunc
	cmd     *exec.Cmd
	exited  chan struct{}
}

func newRing(t *testing.T, racks ...string) *ring {
	r := &ring{T: t, names: layout.New("db", racks...)}
	if os.Getenv("QUORATE_CASSANDRA") == "" {
		t.Fatal("QUORATE_CASSANDRA is not set: run make test-cassandra")
	}
	for i := range r.members {
		r.members[i] = newServer(t, int32(i), r.names)
	}
	return r
}

func addressOf(i int) string { return fmt.Sprintf("127.0.91.%d", i+1) }

func newServer(t *testing.T, i int32, names layout.Layout) *server {
	s := &server{t: t, name: names.Member(i), address: addressOf(int(i)), dir: t.TempDir(), jmx: 7191 + int(i)}
	for _, dir := range []string{"config", "data", "secret", "tmp"} {
		if err := os.Mkdir(filepath.Join(s.dir, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.write("secret/"+cassandra.CredentialAgent, testPassword)
	d := &v1alpha1.Datastore{}
	d.Name, d.Spec.Version = "db", "5.0"
	d.Spec.Resources.Limits = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("400Mi")}
	d.Spec.Cassandra = &v1alpha1.CassandraSpec{}
	for _, rack := range names.Racks() {
		d.Spec.Cassandra.Racks = append(d.Spec.Cassandra.Racks, v1alpha1.CassandraRack{Name: rack, Zone: rack})
	}
	shared := map[string][]byte{}
	for name, text := range (cassandra.Engine{}).Template(d).Files {
		shared[name] = []byte(text)
		s.write("config/"+name, s.here(text))
	}
	addresses := map[string]string{}
	for other := range size {
		addresses[names.Member(int32(other))] = addressOf(other)
	}
	files, err := cassandra.Renderer{}.Member(engine.MemberInput{
		Name: s.name, Rack: names.Rack(i), PodIP: s.address, Address: s.address, Addresses: addresses, Shared: shared,
		Secrets: map[string][]byte{cassandra.CredentialAgent: []byte(testPassword)},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		s.write("config/"+name, strings.ReplaceAll(string(text), "0.0.0.0", s.address)) // the others have their own
	}
	desk, err := attend.Listen(filepath.Join(s.dir, cassandra.AttendSocket))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = desk.Close() })
	config := engine.LocalConfig{Member: s.name, ConfigDir: filepath.Join(s.dir, "config"), DataDir: filepath.Join(s.dir, "data"), SecretDir: filepath.Join(s.dir, "secret")}
	s.local = newLocal(config, place{address: s.address, native: cassandra.PortNative, jmx: s.jmx}, desk)
	return s
}

func (s *server) write(name, text string) {
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// here puts this machine's places for those in a pod.
func (s *server) here(text string) string {
	return strings.NewReplacer(
		"/etc/quorate-cassandra", filepath.Join(s.dir, "config"), "/opt/cassandra/lib", os.Getenv("QUORATE_CASSANDRA")+"/lib",
		"/var/lib/cassandra", filepath.Join(s.dir, "data"), strconv.Itoa(cassandra.PortJMX), strconv.Itoa(s.jmx),
		"/tmp", filepath.Join(s.dir, "tmp"),
	).Replace(text)
}

// java puts them into a command, from the word java on, with more options.
func (s *server) java(command []string, options ...string) []string {
	out := append([]string{os.Getenv("QUORATE_CASSANDRA") + "/java/bin/java"}, options...)
	for _, word := range command[slices.Index(command, "java")+1:] {
		out = append(out, s.here(word))
	}
	return out
}

// start starts the server as its pod would, on a grant or, without one, on its data.
func (s *server) start(grant engine.GrantKind) {
	s.t.Helper()
	if grant != "" {
		s.marker = engine.Marker{Member: s.name, Grant: engine.Grant{Kind: grant, Size: 1}}
	}
	if err := s.local.Release(s.marker); err != nil {
		s.t.Fatal(err)
	}
	template := cassandra.Engine{}.Template(&v1alpha1.Datastore{})
	// What a ring waits for so that news gets around large ones is cut short.
	command := s.java(slices.Concat(template.Command, template.Args),
		"-Dcassandra.ring_delay_ms=6000", "-Dcassandra.superuser_setup_delay_ms=500", "-XX:TieredStopAtLevel=1")
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.cmd, s.cancel, s.exited = cmd, cancel, make(chan struct{})
	exited := s.exited
	attendant := cassandra.Attendant(s.dir)
	attendant.Tool = s.java(attendant.Tool)
	attendant.End = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	go attendant.Serve(ctx)
	go func() {
		defer close(exited)
		_ = cmd.Wait() // it is killed
		_ = log.Close()
	}()
	s.t.Cleanup(s.kill)
}

func (s *server) kill() {
	if s.cmd == nil {
		return
	}
	s.cancel()
	_ = s.cmd.Process.Kill() // it may have ended
	<-s.exited
	s.cmd = nil
}

// observation is what one pass would see. Who joined is noted in its marker, as the
// agent does.
func (r *ring) observation() engine.Observation {
	var have engine.Observation
	for i, s := range r.members {
		m := engine.MemberObservation{Name: s.name, Ordinal: i, Rack: r.names.Rack(int32(i)), Address: s.address}
		if s.cmd != nil {
			seen, err := s.local.Observe(r.Context())
			if err != nil {
				r.Logf("%s: %v", s.name, err)
			} else {
				m.Report = &engine.Report{Member: s.name, Grant: s.marker.Grant.Kind, Server: seen}
				s.marker.Formed = s.marker.Formed || seen.Formed
			}
		}
		have.Members = append(have.Members, m)
	}
	return have
}

func (r *ring) await(what string, limit time.Duration, done func(have engine.Observation) bool) {
	r.Helper()
	begin := time.Now()
	for {
		have := r.observation()
		if done(have) {
			r.Logf("%s after %s", what, time.Since(begin).Round(100*time.Millisecond))
			return
		}
		if time.Since(begin) > limit {
			for _, s := range r.members {
				if log, err := os.ReadFile(filepath.Join(s.dir, "log")); err == nil {
					r.Logf("%s said:\n%s", s.name, log[max(0, len(log)-2500):])
				}
			}
			r.Fatalf("not after %s: %s; %+v", limit, what, cassandra.Engine{}.Assess(have))
		}
		time.Sleep(300 * time.Millisecond) // between two looks at real servers
	}
}

// awaitVoters waits for a ring of healthy members that all of them agree on.
func (r *ring) awaitVoters(n int) {
	r.Helper()
	r.await(fmt.Sprintf("%d members are in the ring", n), 5*time.Minute, func(have engine.Observation) bool {
		a := cassandra.Engine{}.Assess(have)
		voters, healthy := a.Voters()
		agree := 0
		for _, m := range have.Members {
			if m.Report != nil && m.Report.Server.View != nil {
				agree++
			}
		}
		return a.Known && voters == n && healthy == n && len(a.Peers) == n && agree == n
	})
}

func desired(n int, lost map[string][]string) engine.Desired {
	want := engine.Desired{Lost: lost}
	for i := range n {
		want.Members = append(want.Members, fmt.Sprintf("db-%d", i))
	}
	return want
}

// settle carries out the first step of each plan until there is none.
func (r *ring) settle(want engine.Desired) {
	r.Helper()
	r.carryOut("nothing is left to do for "+strings.Join(want.Members, ", "), want, func(have engine.Observation, steps []engine.Step) bool {
		return len(steps) == 0 && cassandra.Engine{}.Assess(have).Known
	})
}

// carryOut carries out the first step of each plan until that is enough.
func (r *ring) carryOut(what string, want engine.Desired, enough func(have engine.Observation, steps []engine.Step) bool) {
	r.Helper()
	r.await(what, 8*time.Minute, func(have engine.Observation) bool {
		steps := cassandra.Engine{}.Plan(want, have)
		if enough(have, steps) {
			return true
		}
		if len(steps) == 0 {
			return false
		}
		s := steps[0]
		if s.Kind == engine.StepLeave {
			s.Leave = engine.LeaveMoving // as the core has it
		}
		s.Credentials = map[string]string{cassandra.CredentialAdmin: testPassword, cassandra.CredentialAgent: testPassword}
		for _, m := range r.members {
			if m.name != s.Member {
				continue
			}
			err := m.local.Do(r.Context(), s)
			r.Logf("%s by %s of %s %v: %v", s.Kind, s.Member, s.About(), s.Params, err)
		}
		return false
	})
}

// repairsDue are the members that say so.
func (r *ring) repairsDue() (out []string) {
	for _, m := range r.observation().Members {
		if m.Report != nil && m.Report.Server.Facts[cassandra.FactRepair] == cassandra.RepairDue {
			out = append(out, m.Name)
		}
	}
	return out
}

func TestRealRing(t *testing.T) {
	r := newRing(t)
	r.members[0].start(engine.GrantForm)
	r.await("the first member answers", 4*time.Minute, func(have engine.Observation) bool { return have.Formed() })
	r.settle(desired(1, nil))
	r.awaitVoters(1)
	if s, err := open(addressOf(0), cassandra.PortNative, initialLogin); err == nil {
		s.Close()
		t.Error("the superuser that a ring comes with can still log in")
	}
	for n := 2; n <= size; n++ {
		r.members[n-1].start(engine.GrantJoin)
		r.awaitVoters(n)
		r.settle(desired(n, nil))
	}
	have := r.observation()
	for _, m := range have.Members {
		if f := m.Report.Server.Facts; f[cassandra.FactFactor] != "3" || f[cassandra.FactCleanup] != "" {
			t.Errorf("%s reports %v", m.Name, f)
		}
	}
	r.write()

	t.Log("a member and its volume are lost")
	lost := r.members[2]
	id := have.Members[2].Report.Server.ID
	lost.kill()
	if err := (cassandra.Renderer{}).Retire(filepath.Join(lost.dir, "data")); err != nil {
		t.Fatal(err)
	}
	want := desired(size, map[string][]string{"db-2": {id}})
	r.carryOut("nobody hears db-2", want, func(_ engine.Observation, steps []engine.Step) bool {
		return len(steps) > 0 && steps[0].Kind == engine.StepEvictDead
	})
	r.settle(want)
	lost.start(engine.GrantJoin)
	r.awaitVoters(3)
	if due := r.repairsDue(); !slices.Equal(due, []string{"db-0", "db-1"}) {
		t.Errorf("after a member was lost a repair is due for %v", due)
	}
	r.settle(want)
	if due := r.repairsDue(); len(due) > 0 {
		t.Errorf("a repair is due for %v", due)
	}
	if again := r.observation().Members[2].Report.Server.ID; again == id || again == "" {
		t.Errorf("the member that came in its place is %q", again)
	}

	t.Log("a member leaves")
	r.settle(desired(2, nil))
	r.end(lost, 2)
	r.awaitVoters(2)
	if due := r.repairsDue(); len(due) > 0 {
		t.Errorf("after a leave a repair is due for %v", due)
	}
	if steps := (cassandra.Engine{}).Plan(desired(1, nil), r.observation()); len(steps) > 0 && steps[len(steps)-1].Kind == engine.StepLeave {
		t.Errorf("a ring of two shrinks below the two replicas of a keyspace: %+v", steps)
	}

	t.Log("all stop and start at once")
	for _, s := range r.members[:2] {
		s.kill()
	}
	for _, s := range r.members[:2] {
		s.start("")
	}
	r.awaitVoters(2)
	r.read()
}

// TestRealLeaveThatIsCutShort kills a server while it leaves: it comes back as the member that
// it was, leaves when it is asked again, and is ended only once it is in no ring.
func TestRealLeaveThatIsCutShort(t *testing.T) {
	r := newRing(t)
	first, second := r.members[0], r.members[1]
	first.start(engine.GrantForm)
	r.await("the first member answers", 4*time.Minute, func(have engine.Observation) bool { return have.Formed() })
	r.settle(desired(1, nil))
	second.start(engine.GrantJoin)
	r.awaitVoters(2)
	r.settle(desired(2, nil))
	id := r.observation().Members[1].Report.Server.ID
	r.repair(first)

	r.carryOut("db-1 is leaving", desired(1, nil), func(have engine.Observation, _ []engine.Step) bool {
		return have.Members[1].Report.Server.Leaving
	})
	second.kill()
	second.start("")
	r.awaitVoters(2)
	if again := r.observation().Members[1].Report.Server.ID; again != id {
		t.Errorf("%s came back as %s", id, again)
	}
	if err := second.local.Do(t.Context(), engine.Step{Kind: engine.StepLeave, Member: second.name, Leave: engine.LeaveGone}); err == nil {
		t.Error("a server that is in the ring was ended")
	}
	r.settle(desired(1, nil))
	r.end(second, 1)
	if due := r.repairsDue(); len(due) > 0 {
		t.Errorf("after a leave a repair is due for %v", due)
	}
}

// TestRealRacks has three members in two racks: the third is the second of its rack, for
// which Cassandra spreads tokens by racks. None starts on data of another rack.
func TestRealRacks(t *testing.T) {
	racks := []string{"z", "a"}
	r := newRing(t, racks...)
	wanted := func(n int) (want engine.Desired) {
		for i := range n {
			want.Members = append(want.Members, r.members[i].name)
		}
		return want
	}
	r.members[0].start(engine.GrantForm)
	r.await("the first member answers", 4*time.Minute, func(have engine.Observation) bool { return have.Formed() })
	r.settle(wanted(1))
	for n := 2; n <= size; n++ {
		r.members[n-1].start(engine.GrantJoin)
		r.awaitVoters(n)
		r.settle(wanted(n))
	}
	for i := range r.members {
		s := r.admin(i)
		var rack string
		if err := s.Query("SELECT rack FROM system.local").ScanContext(t.Context(), &rack); err != nil || rack != racks[i%len(racks)] {
			t.Errorf("%s is in the rack %q, %v", r.members[i].name, rack, err)
		}
		s.Close()
	}

	t.Log("the last leaves")
	r.settle(wanted(2))
	r.end(r.members[2], 2)
	r.awaitVoters(2)

	t.Log("one is started in another rack")
	moved := r.members[1]
	moved.kill()
	moved.write("config/"+cassandra.RackFile, "dc=dc1\nrack=z\n")
	moved.start("")
	r.await("it ends at its start", 2*time.Minute, func(engine.Observation) bool {
		log, err := os.ReadFile(filepath.Join(moved.dir, "log"))
		return err == nil && strings.Contains(string(log), "Cannot start node if snitch's rack")
	})
}

// repair has a member repair its part, and waits until it has noted that down.
func (r *ring) repair(s *server) {
	r.Helper()
	step := engine.Step{Kind: engine.StepConfigure, Member: s.name, Params: map[string]string{cassandra.ParamRepair: "true"}}
	r.await(s.name+" has repaired its part", 5*time.Minute, func(have engine.Observation) bool {
		if m := have.Report(s.name); m != nil && m.Server.Facts[cassandra.FactRepaired] == cassandra.RepairDone {
			return true
		}
		if err := s.local.Do(r.Context(), step); err != nil {
			r.Logf("repair by %s: %v", s.name, err)
		}
		return false
	})
}

// end waits until a member is in the ring no more, of which so many are left, and has its
// server ended.
func (r *ring) end(s *server, left int) {
	r.Helper()
	r.await(s.name+" is in the ring no more", 5*time.Minute, func(have engine.Observation) bool {
		a := cassandra.Engine{}.Assess(have)
		voters, _ := a.Voters()
		return a.Known && voters == left && have.Report(s.name).Server.View == nil
	})
	r.await("the server of "+s.name+" has ended", 2*time.Minute, func(engine.Observation) bool {
		select {
		case <-s.exited:
			return true
		default:
		}
		if err := s.local.Do(r.Context(), engine.Step{Kind: engine.StepLeave, Member: s.name, Leave: engine.LeaveGone}); err != nil {
			r.Logf("ending %s: %v", s.name, err)
		}
		return false
	})
	s.kill()
}

// write makes a keyspace of two replicas with a row in it, and read finds that row.
func (r *ring) write() {
	r.Helper()
	for _, statement := range []string{
		"CREATE KEYSPACE k WITH replication = {'class': 'NetworkTopologyStrategy', 'dc1': 2}",
		"CREATE TABLE k.t (id int PRIMARY KEY, v text)", "INSERT INTO k.t (id, v) VALUES (1, 'my-data')",
	} {
		if err := r.as(statement); err != nil {
			r.Fatalf("%s: %v", statement, err)
		}
	}
}

func (r *ring) as(statement string) error {
	s := r.admin(0)
	defer s.Close()
	return run(r.Context(), s, statement)
}

// admin logs in on a member, once that answers in time: a machine may be busy with a start.
func (r *ring) admin(i int) (s *gocql.Session) {
	r.Helper()
	r.await(fmt.Sprintf("db-%d lets the administrator in", i), 2*time.Minute, func(engine.Observation) bool {
		var err error
		s, err = open(addressOf(i), cassandra.PortNative, login{cassandra.RoleAdmin, testPassword})
		return err == nil
	})
	return s
}

func (r *ring) read() {
	r.Helper()
	s := r.admin(1)
	defer s.Close()
	var v string
	if err := s.Query("SELECT v FROM k.t WHERE id = 1").ScanContext(r.Context(), &v); err != nil || v != "my-data" {
		r.Errorf("read %q, %v", v, err)
	}
}
