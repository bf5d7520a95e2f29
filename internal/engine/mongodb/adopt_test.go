// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
)

func handmade() *v1alpha1.Datastore {
	return &v1alpha1.Datastore{ObjectMeta: metav1.ObjectMeta{Name: "db", Namespace: "go-demo-3"}, Spec: v1alpha1.DatastoreSpec{
		Engine: v1alpha1.EngineMongoDB, Version: "8.0",
		Adopt: &v1alpha1.Adopt{ClaimTemplate: "mongo-data", SetName: "rs0", Authentication: v1alpha1.AuthenticationNone},
	}}
}

// TestAdoptable reads how servers were started by hand.
func TestAdoptable(t *testing.T) {
	for words, want := range map[string][]string{
		"mongod --replSet rs0":                                    nil,
		"mongod --replSet=rs0 --bind_ip_all":                      nil,
		"docker-entrypoint.sh mongod --replSet rs0":               nil,
		"--replSet rs0 --bind_ip 0.0.0.0 --port 27017":            nil,
		"mongod --replSet rs0 --dbpath /data/db":                  nil,
		"mongod":                                                  {"without --replSet"},
		"":                                                        {"start mongod itself"},
		"sh -c mongod":                                            {"start mongod itself"},
		"mongod --replSet rs1":                                    {"ours would be with rs0"},
		"mongod --replSet rs0 --port 27018":                       {"ours would be with 27017"},
		"mongod --replSet rs0 --dbpath /data/other":               {"ours would be with /data/db"},
		"mongod --replSet rs0 --auth --keyFile /k":                {"with authentication", "with authentication"},
		"mongod --replSet rs0 --smallfiles --noprealloc":          {"--smallfiles, which", "--noprealloc, which"},
		"mongod --replSet rs0 --wiredTigerCacheSizeGB 2":          {"--wiredTigerCacheSizeGB, which"},
		"mongod --config /etc/mongod.conf --replSet rs0 -f other": {"--config, which", "--f, which"},
	} {
		got := Engine{}.Adoptable(handmade(), corev1.Container{Command: strings.Fields(words)})
		ok := len(got) == len(want)
		for i := range want {
			ok = ok && strings.Contains(got[i], want[i])
		}
		if !ok {
			t.Errorf("%q: %q, want %q", words, got, want)
		}
	}
}

// TestAnAdoptedSetStaysAsItIs holds that neither the name nor the lack of
// authentication of such a set changes, and that its servers are asked by nobody in
// particular.
func TestAnAdoptedSetStaysAsItIs(t *testing.T) {
	d := handmade()
	file := Engine{}.Template(d).Files[serverFile]
	if strings.Contains(file, "security") || !strings.Contains(file, "replSetName: rs0") {
		t.Errorf("the servers would be started with\n%s", file)
	}
	c := Engine{}.Connection(d, "db-client.go-demo-3.svc", map[string][]byte{credentialAdmin: []byte("secret")})
	text, err := json.Marshal(c)
	if err != nil || strings.Contains(string(text), "secret") || c.Username != "" || c.URI != "mongodb://db-client.go-demo-3.svc:27017/?replicaSet=rs0" {
		t.Errorf("clients are told %s (%v)", text, err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, serverFile), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	l := newLocal(engine.LocalConfig{Member: "db-0", ConfigDir: dir, SecretDir: dir}, "127.0.0.1:1")
	if !l.open() || l.agent() != (login{}) || l.setName() != "rs0" {
		t.Errorf("open %v, login %+v, set %s", l.open(), l.agent(), l.setName())
	}
	d.Spec.Adopt = nil
	if err := os.WriteFile(filepath.Join(dir, serverFile), []byte(Engine{}.Template(d).Files[serverFile]), 0o600); err != nil {
		t.Fatal(err)
	}
	if l.open() || l.agent().user != userAgent || l.setName() != "db" {
		t.Errorf("not adopted: open %v, login %+v, set %s", l.open(), l.agent(), l.setName())
	}
	if err := l.Release(engine.Marker{Grant: engine.Grant{Kind: engine.GrantAdopt}, Formed: true}); err != nil || l.mayForm() || !l.adopted() {
		t.Errorf("who was adopted may form: %v (%v)", l.mayForm(), err)
	}
}

// TestAnOpenSetIsSeen has a set initiated by hand that lets everybody in. Every adopted
// server tells of all of it, and whom it follows; only the primary confirms it.
func TestAnOpenSetIsSeen(t *testing.T) {
	c := &cluster{t: t, program: mongod}
	hosts := bson.A{}
	for i := range 3 {
		p := c.add(i)
		c.must(os.WriteFile(filepath.Join(p.config.ConfigDir, serverFile), []byte(Engine{}.Template(handmade()).Files[serverFile]), 0o600))
		c.must(p.Release(engine.Marker{Grant: engine.Grant{Kind: engine.GrantAdopt}, Formed: true}))
		hosts = append(hosts, bson.D{{Key: "_id", Value: i}, {Key: "host", Value: p.host()}})
	}
	by, err := c.servers[0].session(t.Context(), login{})
	c.must(err)
	c.eventually(func() string {
		if err := by.run(t.Context(), nil, bson.D{{Key: "replSetInitiate", Value: bson.D{{Key: "_id", Value: "db"}, {Key: "members", Value: hosts}}}}); err != nil {
			return err.Error()
		}
		return ""
	})
	c.eventually(func() string {
		have := c.observe()
		leaders, sets := map[string]int{}, map[string]bool{}
		for i, m := range have.Members {
			s := m.Report.Server
			if s.Facts[factUsers] != usersReady || !s.Formed || !s.Serving || s.Seen == nil || len(s.Seen.Peers) != 3 {
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
		if a := (Engine{}).Assess(have); !a.Usable || leaders[a.Leader] != 3 || len(leaders) != 1 || len(sets) != 1 {
			return fmt.Sprintf("%+v, led by %v, of %v", a, leaders, sets)
		}
		return ""
	})
}
