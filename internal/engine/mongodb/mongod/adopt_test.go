// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongod

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/mongodb"
	"github.com/quorate/quorate/internal/engine/mongodb/wire"
)

func handmade() *v1alpha1.Datastore {
	d := &v1alpha1.Datastore{}
	d.Name, d.Spec.Engine, d.Spec.Version = "db", v1alpha1.EngineMongoDB, "8.0"
	d.Spec.Adopt = &v1alpha1.Adopt{ClaimTemplate: "mongo-data", SetName: "rs0", Authentication: v1alpha1.AuthenticationNone}
	return d
}

// TestAnOpenServerIsAskedByNobody holds that the servers of a set which was made by
// hand without authentication are asked by nobody in particular.
func TestAnOpenServerIsAskedByNobody(t *testing.T) {
	d := handmade()
	file := mongodb.Engine{}.Template(d).Files[mongodb.ServerFile]
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, mongodb.ServerFile), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	l := newLocal(engine.LocalConfig{Member: "db-0", ConfigDir: dir, DataDir: t.TempDir(), SecretDir: dir}, "127.0.0.1:1")
	if !l.open() || l.agent() != (wire.Login{}) || l.setName() != "rs0" {
		t.Errorf("open %v, login %+v, set %s", l.open(), l.agent(), l.setName())
	}
	d.Spec.Adopt = nil
	if err := os.WriteFile(filepath.Join(dir, mongodb.ServerFile), []byte(mongodb.Engine{}.Template(d).Files[mongodb.ServerFile]), 0o600); err != nil {
		t.Fatal(err)
	}
	if l.open() || l.agent().User != mongodb.UserAgent || l.setName() != "db" {
		t.Errorf("not adopted: open %v, login %+v, set %s", l.open(), l.agent(), l.setName())
	}
	if err := l.Release(engine.Marker{Grant: engine.Grant{Kind: engine.GrantAdopt}, Formed: true}); err != nil || l.mayForm() || !l.adopted() {
		t.Errorf("who was adopted may form: %v (%v)", l.mayForm(), err)
	}
}

// TestAnOpenSetIsSeen has a set initiated by hand that lets everybody in. Every adopted
// server tells of all of it, and whom it follows; only the primary confirms it.
func TestAnOpenSetIsSeen(t *testing.T) {
	t.Parallel()
	c := &cluster{t: t, program: mongod}
	hosts := bson.A{}
	for i := range 3 {
		p := c.add(i)
		c.must(os.WriteFile(filepath.Join(p.config.ConfigDir, mongodb.ServerFile), []byte(mongodb.Engine{}.Template(handmade()).Files[mongodb.ServerFile]), 0o600))
		c.must(p.Release(engine.Marker{Grant: engine.Grant{Kind: engine.GrantAdopt}, Formed: true}))
		hosts = append(hosts, bson.D{{Key: "_id", Value: i}, {Key: "host", Value: p.host()}})
	}
	by, err := c.servers[0].session(t.Context(), wire.Login{})
	c.must(err)
	c.eventually(func() string {
		if err := by.Run(t.Context(), nil, bson.D{{Key: "replSetInitiate", Value: bson.D{{Key: "_id", Value: "db"}, {Key: "members", Value: hosts}}}}); err != nil {
			return err.Error()
		}
		return ""
	})
	c.eventually(func() string {
		have := c.observe()
		leaders, sets := map[string]int{}, map[string]bool{}
		for i, m := range have.Members {
			s := m.Report.Server
			if s.Facts[mongodb.FactUsers] != mongodb.UsersReady || !s.Formed || !s.Serving || s.Seen == nil || len(s.Seen.Peers) != 3 {
				return fmt.Sprintf("db-%d says %+v", i, s)
			}
			if (s.View != nil) != s.Leader {
				return fmt.Sprintf("db-%d leads: %v, and confirms %+v", i, s.Leader, s.View)
			}
			sets[s.Set] = true
			for _, q := range s.Seen.Peers {
				if !q.Healthy || !q.Voter {
					return fmt.Sprintf("db-%d finds %+v", i, q)
				}
				if q.Leader {
					leaders[q.Name]++
				}
			}
		}
		if a := (mongodb.Engine{}).Assess(have); !a.Usable || leaders[a.Leader] != 3 || len(leaders) != 1 || len(sets) != 1 {
			return fmt.Sprintf("%+v, led by %v, of %v", a, leaders, sets)
		}
		return ""
	})

	// It shrinks as any other: who was taken out is stopped.
	c.settle(2)
	c.eventually(func() string {
		if err := c.do(engine.Step{Kind: engine.StepLeave, Member: "db-2"}); err != nil {
			return err.Error() // it may not have heard of it yet
		}
		if s, _ := c.servers[2].Observe(t.Context()); s.Running {
			return "the server that left still runs"
		}
		return ""
	})
}
