// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quorate/quorate/internal/engine/enginetest"
	"github.com/quorate/quorate/internal/engine/enginetest/raft"
)

// raftSet is a script with a Raft set of a size at rest; with none where the
// size is zero.
func raftSet(formed int8, want enginetest.Wanted) *enginetest.Script {
	sc := &enginetest.Scenario{Name: "sequence", Members: enginetest.MaxMembers, Formed: formed, Wanted: want}
	return enginetest.NewScript(sc.With(enginetest.Subject{Engine: raft.Engine{}, Model: raft.New(raft.Report)}))
}

func of(n int8) enginetest.Wanted { return enginetest.Wanted{Replicas: n} }

func with(t enginetest.Template) enginetest.Wanted {
	return enginetest.Wanted{Replicas: 3, Template: t}
}

// TestFormation holds exactly what the manager does until a set has formed,
// pass by pass.
func TestFormation(t *testing.T) {
	play(t, []sequence{
		{"a set of three", func() []string { return raftSet(0, of(3)).Rest() }, []string{
			"ledger, set of 3",
			"ledger, epoch on set, Grant/Form db-0, Grant/Form db-1, Grant/Form db-2",
			"ledger, open, Bootstrap db-0",
			"ledger",
		}},
		{"a set of one", func() []string { return raftSet(0, of(1)).Rest() }, []string{
			"ledger, set of 1",
			"ledger, epoch on set, Grant/Form db-0",
			"ledger, close, Bootstrap db-0",
			"ledger",
		}},
		{"a crash before the grants", func() []string {
			s := raftSet(0, of(3))
			return append(s.Crash(), s.Rest()...)
		}, []string{
			"ledger, set of 3",
			"ledger, epoch on set, Grant/Form db-0, Grant/Form db-1, Grant/Form db-2 (crash before asking)",
			"ledger, epoch on set, Grant/Form db-0, Grant/Form db-1, Grant/Form db-2",
			"ledger, open, Bootstrap db-0",
			"ledger",
		}},
		{"a founder's volume is lost, and the others prove that nothing had formed", func() []string {
			s := raftSet(0, of(3))
			return append(s.Crash(), s.LoseClaim(0).Rest()...)
		}, []string{
			"ledger, set of 3",
			"ledger, epoch on set, Grant/Form db-0, Grant/Form db-1, Grant/Form db-2 (crash before asking)",
			"ledger, epoch on set, Grant/Form db-1, Grant/Form db-2",
			"ledger, Grant/Form db-0",
			"ledger, open, Bootstrap db-0",
			"ledger",
		}},
		{"two founders' volumes are lost, and nothing proves that nothing had formed", func() []string {
			s := raftSet(0, of(3))
			return append(s.Crash(), s.LoseClaim(0, 1).Rest()...)
		}, []string{
			"ledger, set of 3",
			"ledger, epoch on set, Grant/Form db-0, Grant/Form db-1, Grant/Form db-2 (crash before asking)",
			"ledger, epoch on set, Grant/Form db-2",
			"stalled: FormationUncertain",
		}},
		{"a volume is lost after the set has formed, which nobody has seen yet", func() []string {
			s := raftSet(0, of(3))
			return append(s.Until("Grant/Form"), s.Servers().LoseClaim(0).Rest()...)
		}, []string{
			"ledger, set of 3",
			"ledger, epoch on set, Grant/Form db-0, Grant/Form db-1, Grant/Form db-2",
			"ledger, close, Bootstrap db-1",
			"ledger, EvictDead db-0 by db-1",
			"ledger, Grant/Join db-0",
			"ledger, open",
		}},
		{"a changed template is taken before anybody is let form", func() []string {
			s := raftSet(0, of(3))
			out := s.Until("set of 3")
			return append(out, s.Servers().Change(with(enginetest.TemplateOther)).Rest()...)
		}, []string{
			"ledger, set of 3",
			"template t1, replace db-0, replace db-1, replace db-2",
			"ledger, epoch on set, Grant/Form db-0, Grant/Form db-1, Grant/Form db-2",
			"ledger, open, Bootstrap db-0",
			"ledger",
		}},
		{"pods with an image that cannot be had are replaced when it is put right", func() []string {
			s := raftSet(0, with(enginetest.TemplateNoImage))
			out := append(s.Rest(), "-- the image is put right")
			return append(out, s.Change(of(3)).Rest()...)
		}, []string{
			"ledger, set of 3",
			"ledger, epoch on set, Grant/Form db-0, Grant/Form db-1, Grant/Form db-2",
			"-- the image is put right",
			"template t0, replace db-0, replace db-1, replace db-2",
			"ledger, open, Bootstrap db-0",
			"ledger",
		}},
		{"a foreign volume among the founders", func() []string {
			s := raftSet(0, of(3))
			return append(s.Until("set of 3"), s.Servers().MakeForeign(1).Rest()...)
		}, []string{
			"ledger, set of 3",
			"stalled: ForeignVolume",
		}},
	})
}

// TestChange holds exactly what the manager does with a formed set.
func TestChange(t *testing.T) {
	play(t, []sequence{
		{"nothing, at rest", func() []string { return raftSet(3, of(3)).Rest() }, nil},
		{"three to five", func() []string { return raftSet(3, of(5)).Rest() }, []string{
			"set 3 to 5",
			"close",
			"ledger, Grant/Join db-3",
			"ledger, Grant/Join db-4",
			"ledger, open",
		}},
		{"five to three: each leaves before its pod goes", func() []string { return raftSet(5, of(3)).Rest() }, []string{
			"close",
			"ledger, Leave db-4",
			"ledger, set 5 to 4, Leave db-3",
			"ledger, open, set 4 to 3",
		}},
		{"five to three and back: the leave is completed", func() []string {
			s := raftSet(5, of(3))
			return append(s.Until("Leave"), s.Change(of(5)).Rest()...)
		}, []string{
			"close",
			"ledger, Leave db-4",
			"ledger, Grant/Join db-4",
			"ledger, open",
		}},
		{"three to one", func() []string { return raftSet(3, of(1)).Rest() }, []string{
			"close",
			"ledger, Leave db-2",
			"ledger, set 3 to 2, Leave db-1",
			"ledger, set 2 to 1",
		}},
		{"a crash before a leave", func() []string {
			s := raftSet(3, of(2))
			return append(s.Crash(), s.Rest()...)
		}, []string{
			"close",
			"ledger, Leave db-2 (crash before asking)",
			"ledger, close, epoch on set",
			"Leave db-2",
			"ledger, set 3 to 2",
		}},
		{"a changed template: one at a time, the leader steps down and goes last", func() []string {
			return raftSet(3, with(enginetest.TemplateOther)).Rest()
		}, []string{
			"close",
			"template t1",
			"ledger, replace db-2",
			"ledger, replace db-1",
			"ledger, StepDown db-0",
			"ledger, replace db-0",
			"ledger, open",
		}},
		{"a changed template that does not start: the former one is put back", func() []string {
			s := raftSet(3, with(enginetest.TemplateNoImage))
			out := append(s.Rest(), "-- the image is put right")
			return append(out, s.Change(with(enginetest.TemplateOther)).Rest()...)
		}, []string{
			"close",
			"template t2",
			"ledger, replace db-2",
			"ledger, template put back",
			"replace db-2",
			"open",
			"stalled: RolloutFailed",
			"pending: RolloutFailed",
			"-- the image is put right",
			"ledger, close",
			"template t1",
			"ledger, replace db-2",
			"ledger, replace db-1",
			"ledger, StepDown db-0",
			"ledger, replace db-0",
			"ledger, open",
		}},
		{"a changed template, for two without leave to be without service", func() []string {
			s := raftSet(2, enginetest.Wanted{Replicas: 2, Template: enginetest.TemplateOther})
			out := append(s.Rest(), "-- downtime is allowed")
			return append(out, s.Change(enginetest.Wanted{Replicas: 2, Template: enginetest.TemplateOther, AllowDowntime: true}).Rest()...)
		}, []string{
			"stalled: DowntimeRefused",
			"pending: DowntimeRefused",
			"-- downtime is allowed",
			"template t1",
			"ledger, replace db-1",
			"ledger, StepDown db-0",
			"ledger, replace db-0",
			"ledger, open",
		}},
		{"a changed template, and a crash before the pod is deleted", func() []string {
			s := raftSet(3, with(enginetest.TemplateOther))
			return append(s.CrashBefore("replace"), s.Rest()...)
		}, []string{
			"close",
			"template t1",
			"ledger, replace db-2 (crash before replace)",
			"ledger, close, epoch on set",
			"replace db-2",
			"ledger, replace db-1",
			"ledger, StepDown db-0",
			"ledger, replace db-0",
			"ledger, open",
		}},
		{"a changed template for a set that shrinks to one: nobody who leaves is to lead", func() []string {
			s := raftSet(3, with(enginetest.TemplateOther))
			s.Rest()
			return s.Change(enginetest.Wanted{Replicas: 1, AllowDowntime: true}).Rest()
		}, []string{
			"close, StepDown db-1",
			"ledger, Leave db-2",
			"ledger, set 3 to 2, Leave db-1",
			"ledger, set 2 to 1",
			"ledger, replace db-0",
			"ledger, open",
		}},
		{"stopped and started again", func() []string {
			s := raftSet(3, enginetest.Wanted{Replicas: 3, Stopped: true})
			out := append(s.Rest(), "-- started")
			return append(out, s.Change(of(3)).Rest()...)
		}, []string{
			"set 3 to 2",
			"close, set 2 to 1",
			"set 1 to 0",
			"-- started",
			"set 0 to 3",
			"open",
		}},
		{"another leader is wished for, once", func() []string {
			s := raftSet(3, enginetest.Wanted{Replicas: 3, Lead: 3})
			return s.Rest()
		}, []string{
			"StepDown db-0",
			"ledger",
		}},
		{"made anew over its claims, with fewer replicas: all of the set comes up first", func() []string {
			return raftSet(5, of(3)).Recreate().Rest()
		}, []string{
			"set of 5",
			"ledger, close, epoch on set",
			"ledger, Leave db-4",
			"ledger, set 5 to 4, Leave db-3",
			"ledger, open, set 4 to 3",
		}},
	})
}

// TestLoss holds exactly what the manager does when something is gone.
func TestLoss(t *testing.T) {
	play(t, []sequence{
		{"a member's volume", func() []string { return raftSet(3, of(3)).LoseClaim(1).Rest() }, []string{
			"ledger, close",
			"EvictDead db-1 by db-0",
			"ledger, Grant/Join db-1",
			"ledger, open",
		}},
		{"the volumes of a majority", func() []string { return raftSet(3, of(3)).LoseClaim(0, 1).Rest() }, []string{
			"ledger, close",
			"stalled: MajorityLost",
		}},
		{"all volumes", func() []string { return raftSet(3, of(3)).LoseClaim(0, 1, 2).Rest() }, []string{
			"ledger",
			"stalled: DataLost",
		}},
		{"all volumes, and the user says that there is to be another set", func() []string {
			s := raftSet(3, of(3)).LoseClaim(0, 1, 2)
			out := append(s.Rest(), "-- agreed")
			return append(out, s.Change(enginetest.Wanted{Replicas: 3, StartEmpty: true}).Rest()...)
		}, []string{
			"ledger",
			"stalled: DataLost",
			"-- agreed",
			"ledger, set 3 to 0, delete claim of db-0, delete claim of db-1, delete claim of db-2",
			"delete set",
			"begins anew",
		}},
		{"a member's volume, for another set's", func() []string { return raftSet(3, of(3)).MakeForeign(1).Rest() }, []string{
			"close",
			"stalled: ForeignVolume",
		}},
		{"the ledger", func() []string { return raftSet(3, of(3)).LoseLedger().Rest() }, []string{
			"stalled: LedgerLost",
		}},
		{"the ledger, and the resource", func() []string { return raftSet(3, of(3)).LoseLedger().Recreate().Rest() }, []string{
			"stalled: LedgerLost",
		}},
	})
}

// sequence is what is done to a world, and what the manager does then.
type sequence struct {
	name string
	run  func() []string
	want []string
}

func play(t *testing.T, sequences []sequence) {
	t.Helper()
	for _, s := range sequences {
		t.Run(s.name, func(t *testing.T) {
			if diff := cmp.Diff(s.want, s.run()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
