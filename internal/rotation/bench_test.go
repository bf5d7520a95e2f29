// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package rotation

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/agent/mounts"
	"github.com/quorate/quorate/internal/agent/server"
	"github.com/quorate/quorate/internal/pki"
	"github.com/quorate/quorate/internal/resource"
)

const (
	year  = 365 * 24 * time.Hour
	month = year / 12
)

// bench is a datastore: three Secrets, and members with what they have mounted.
type bench struct {
	t       *testing.T
	data    Data
	request bool
	silent  map[int]bool
	dirs    []string
	mounted []map[string][]byte
	// agents have served since the beginning, and read the files of dirs.
	agents []*server.Identity
	now    time.Time
}

// newBench has an authority and pairs of these ages, and members that have
// mounted them.
func newBench(t *testing.T, authority, manager, member time.Duration, members int) *bench {
	t.Helper()
	b := &bench{t: t, now: time.Now(), silent: map[int]bool{}}
	ca, err := pki.NewAuthority("0c2a", b.now.Add(-authority))
	b.must(err)
	b.data = Data{Authority: {resource.AuthorityKey: ca.Certificate, resource.AuthorityPrivateKey: ca.Key}}
	signer, err := pki.LoadAuthority(ca)
	b.must(err)
	for holder, issue := range map[Secret]func() (pki.Pair, error){
		Manager: func() (pki.Pair, error) { return signer.Manager(b.now.Add(-manager)) },
		Member:  func() (pki.Pair, error) { return signer.Member(b.now.Add(-member)) },
	} {
		pair, err := issue()
		b.must(err)
		b.data[holder] = map[string][]byte{
			resource.AuthorityKey: ca.Certificate, resource.CertificateKey: pair.Certificate, resource.PrivateKey: pair.Key,
			"kept": []byte("as it was for the " + holder),
		}
	}
	for i := range members {
		b.dirs = append(b.dirs, filepath.Join(t.TempDir(), fmt.Sprint(i)))
		b.mounted = append(b.mounted, nil)
		b.must(os.Mkdir(b.dirs[i], 0o700))
		b.mount(i)
		b.agents = append(b.agents, server.NewIdentity(b.dirs[i]))
	}
	return b
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// mount is the kubelet bringing the member's files up to date.
func (b *bench) mount(i int) {
	b.t.Helper()
	b.mounted[i] = maps.Clone(b.data[Member])
	for key, value := range b.mounted[i] {
		path := filepath.Join(b.dirs[i], key)
		b.must(os.WriteFile(path+".new", value, 0o600))
		b.must(os.Rename(path+".new", path))
	}
}

// state is what a manager that knows nothing else would see.
func (b *bench) state() State {
	s := State{ClusterID: "0c2a", Data: b.data, Requested: b.request, Now: b.now}
	for i, mounted := range b.mounted {
		m := Mounted{Member: fmt.Sprintf("db-%d", i)}
		if !b.silent[i] {
			m.Hashes = map[string]string{}
			for key, value := range mounted {
				m.Hashes[mounts.Key(mounts.Member, key)] = mounts.Hash(value)
			}
		}
		s.Members = append(s.Members, m)
	}
	return s
}

func (b *bench) next() Step {
	b.t.Helper()
	step, err := b.state().Next()
	b.must(err)
	return step
}

// write carries a step out.
func (b *bench) write(step Step) {
	b.t.Helper()
	data, err := b.state().Write(step)
	b.must(err)
	b.data[step.Secret] = data
	if step.Kind == Introduce {
		b.request = false
	}
}

// steps carries out all that can be, and returns it in words.
func (b *bench) steps() []string {
	b.t.Helper()
	var out []string
	for len(out) < 20 {
		step := b.next()
		if step.Kind == "" {
			return out
		}
		out = append(out, string(step.Kind)+" "+string(step.Secret))
		b.write(step)
	}
	b.t.Fatalf("there is no end to it: %v", out)
	return nil
}

func (b *bench) mountAll() {
	b.t.Helper()
	for i := range b.mounted {
		b.mount(i)
	}
}
