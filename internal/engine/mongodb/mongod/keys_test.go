// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongod

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/mongodb"
)

func newKey(fill string) string {
	return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(fill, 756/len(fill))))
}

// mount has the kubelet bring a Secret's keys.
func (p *process) mount(keys ...string) {
	for i, name := range []string{mongodb.CredentialKeyFile, engine.NextKey(mongodb.CredentialKeyFile)} {
		path := filepath.Join(p.local.config.SecretDir, name)
		p.c.must(os.RemoveAll(path))
		if i < len(keys) {
			p.c.must(os.WriteFile(path, []byte(keys[i]), 0o400))
		}
	}
}

// replace is a pod that is made anew: the init container renders what is mounted.
func (p *process) replace(keys ...string) {
	p.end()
	p.mount(keys...)
	files, err := mongodb.Renderer{}.Member(engine.MemberInput{Name: p.local.config.Member, Host: p.host(), Secrets: map[string][]byte{
		mongodb.CredentialKeyFile: []byte(keys[0]), mongodb.CredentialAgent: []byte(agentPassword),
		engine.NextKey(mongodb.CredentialKeyFile): []byte(strings.Join(keys[1:], "")),
	}})
	p.c.must(err)
	p.c.must(os.RemoveAll(p.keyFile()))
	p.c.must(os.WriteFile(p.keyFile(), files[mongodb.KeyFile], 0o400))
	p.start()
}

// roll replaces all pods as a rollout does, the primary last and after it has handed
// over; each waits until the others are healthy voters.
func (c *cluster) roll(keys ...string) {
	c.t.Helper()
	last := c.primary()
	order := append(slices.DeleteFunc(slices.Clone(c.servers), func(p *process) bool { return p == last }), last)
	for _, p := range order {
		if p == c.primary() {
			c.must(p.Drain(c.t.Context()))
			c.primary()
		}
		p.replace(keys...)
		c.settle(len(c.servers))
		var want []string
		for _, k := range keys {
			want = append(want, engine.KeyHash([]byte(k)))
		}
		if diff := cmp.Diff(want, p.see().Keys); diff != "" {
			c.t.Errorf("%s tells of other keys:\n%s", p.local.config.Member, diff)
		}
	}
}

// TestTheKeyFileIsRotated has the key of three servers rotated by two rollouts, while a
// driver writes with a majority.
func TestTheKeyFileIsRotated(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	c.settle(3)
	w := c.write()
	next := newKey("another key.")
	c.roll(c.key, next)
	c.roll(next)
	writes, failed := w.end()
	t.Logf("%d writes with a majority, %d failed", writes, failed)
	if writes < 10 || failed > 0 {
		t.Errorf("of %d writes %d failed", writes, failed)
	}

	// Who has the former key alone is as good as unreachable, and nobody's vote counts on it.
	p := c.servers[2]
	if p == c.primary() {
		c.must(p.Drain(t.Context()))
	}
	c.primary()
	p.replace(c.key)
	c.eventually(func() string {
		a := mongodb.Engine{}.Assess(c.observe())
		if voters, healthy := a.Voters(); !a.Known || voters != 3 || healthy != 2 {
			return fmt.Sprintf("one has the former key alone: %+v", a)
		}
		return ""
	})
	p.replace(next)
	c.settle(3)
}

// writer inserts documents until it is ended.
type writer struct {
	stop           context.CancelFunc
	done           chan struct{}
	writes, failed atomic.Int64
	c              *cluster
}

func (c *cluster) write() *writer {
	c.t.Helper()
	var hosts []string
	for _, p := range c.servers {
		hosts = append(hosts, p.host())
	}
	client, err := mongo.Connect(options.Client().SetHosts(hosts).SetReplicaSet("db").SetRetryWrites(true).SetWriteConcern(writeconcern.Majority()).
		SetAuth(options.Credential{AuthMechanism: "SCRAM-SHA-256", AuthSource: mongodb.AdminDatabase, Username: mongodb.UserAdmin, Password: adminPassword, PasswordSet: true}))
	c.must(err)
	ctx, stop := context.WithCancel(c.t.Context())
	w := &writer{stop: stop, done: make(chan struct{}), c: c}
	go func() {
		defer close(w.done)
		defer func() { _ = client.Disconnect(context.WithoutCancel(ctx)) }()
		for n := 0; ctx.Err() == nil; n++ {
			_, err := client.Database("shop").Collection("orders").InsertOne(ctx, bson.D{{Key: "_id", Value: "order " + strconv.Itoa(n)}})
			switch {
			case ctx.Err() != nil:
			case err != nil:
				w.failed.Add(1)
				c.t.Logf("write %d: %v", n, err)
			default:
				w.writes.Add(1)
			}
		}
	}()
	c.t.Cleanup(func() { _, _ = w.end() })
	return w
}

func (w *writer) end() (writes, failed int64) {
	w.stop()
	<-w.done
	return w.writes.Load(), w.failed.Load()
}

// A server that waits at its gate is given the keys that are mounted when it is let
// start; one that has data keeps those that it has read.
func TestWhoIsGivenTheKeys(t *testing.T) {
	dir := t.TempDir
	config := engine.LocalConfig{Member: "db-1", ConfigDir: dir(), DataDir: dir(), SecretDir: dir()}
	p := &process{local: newLocal(config, "127.0.0.1:1"), c: &cluster{t: t}}
	a, b := newKey("a"), newKey("b")
	p.c.must(os.WriteFile(p.keyFile(), []byte(a), 0o400))
	hashes := func(keys ...string) (out []string) {
		for _, k := range keys {
			out = append(out, engine.KeyHash([]byte(k)))
		}
		return out
	}
	join := engine.Marker{Grant: engine.Grant{Kind: engine.GrantJoin}}
	p.mount(a, b)
	p.c.must(p.Release(join))
	if got := p.see().Keys; cmp.Diff(hashes(a, b), got) != "" {
		t.Errorf("it waited since before, and has %v", got)
	}
	if info, err := os.Stat(p.keyFile()); err != nil || info.Mode().Perm() != 0o400 {
		t.Errorf("the key file is %v, %v", info, err)
	}
	p.c.must(os.WriteFile(filepath.Join(config.DataDir, "WiredTiger.wt"), nil, 0o600))
	p.mount(b)
	p.c.must(p.Release(join))
	if got := p.see().Keys; cmp.Diff(hashes(a, b), got) != "" {
		t.Errorf("it has read others, and tells of %v", got)
	}
	p.c.must(os.RemoveAll(p.keyFile()))
	if got := p.see().Keys; got != nil {
		t.Errorf("without a file it tells of %v", got)
	}
}
