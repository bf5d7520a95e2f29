// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package rotation

import (
	"crypto/tls"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/quorate/quorate/internal/agent/client"
	"github.com/quorate/quorate/internal/resource"
)

// call has a manager with what its Secret holds now shake hands with the agent
// of a member that has read what is mounted now.
func (b *bench) call(i int) error { return b.callWith(b.data[Manager], i) }

func (b *bench) callWith(manager map[string][]byte, i int) error {
	b.t.Helper()
	caller, err := client.Identity(manager[resource.AuthorityKey], manager[resource.CertificateKey], manager[resource.PrivateKey])
	b.must(err)
	listener, err := tls.Listen("tcp", "127.0.0.1:0", b.agents[i].Config())
	b.must(err)
	defer func() { _ = listener.Close() }()
	served := make(chan error, 1)
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			_, err = conn.Write([]byte("x"))
			_ = conn.Close()
		}
		served <- err
	}()
	conn, err := tls.Dial("tcp", listener.Addr().String(), caller)
	if err == nil {
		// What the server thinks of the caller comes after the handshake.
		_, err = conn.Read(make([]byte, 1))
		_ = conn.Close()
	}
	return errors.Join(err, <-served)
}

// The handshakes are real, and so refusals are: a manager of one authority and
// a member of another do not reach each other, in whichever direction it fails.
func TestStrangersDoNotReachEachOther(t *testing.T) {
	b, other := newBench(t, month, month, month, 1), newBench(t, month, month, month, 1)
	if err := b.call(0); err != nil {
		t.Fatal(err)
	}
	if b.callWith(other.data[Manager], 0) == nil {
		t.Error("a strange manager is let in")
	}
	half := map[string][]byte{
		resource.AuthorityKey:   b.data[Manager][resource.AuthorityKey],
		resource.CertificateKey: other.data[Manager][resource.CertificateKey], resource.PrivateKey: other.data[Manager][resource.PrivateKey],
	}
	if b.callWith(half, 0) == nil {
		t.Error("a manager with a strange pair is let in")
	}
}

// Before, while and after an authority is replaced every member is reached, by
// a manager that has the present Secret and by one that has it as it was a
// write before, whenever the kubelets come round to mounting what is written.
func TestEveryMemberIsReachedAtEveryMoment(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		members := rapid.IntRange(1, 2).Draw(r, "members")
		b := newBench(t, month, month, month, members)
		b.request = true
		for writes := 0; writes < 8; {
			step := b.next()
			if step.Kind == "" {
				i := rapid.IntRange(0, members-1).Draw(r, "mounts")
				b.mount(i)
				b.reached(r, b.data[Manager], i)
				continue
			}
			former := b.data[Manager]
			b.write(step)
			writes++
			for i := range members {
				b.reached(r, b.data[Manager], i)
				b.reached(r, former, i)
				if rapid.Bool().Draw(r, "mounts too") {
					b.mount(i)
					b.reached(r, b.data[Manager], i)
				}
			}
		}
		b.mountAll()
		b.settled()
	})
}

func (b *bench) reached(r *rapid.T, manager map[string][]byte, i int) {
	if err := b.callWith(manager, i); err != nil {
		r.Fatalf("member %d is out of reach: %v", i, err)
	}
}

// Once it is over, nobody trusts the former authority.
func TestTheFormerAuthorityIsNotTrusted(t *testing.T) {
	b := newBench(t, month, month, month, 1)
	former := b.data[Manager]
	b.request = true
	for range 4 {
		b.steps()
		b.mountAll()
	}
	b.settled()
	if b.callWith(former, 0) == nil {
		t.Error("the pair of the former authority still opens the agent")
	}
}

// A member whose pair has expired is reached again as soon as the new one is
// mounted, without a restart of its agent.
func TestAnExpiredPairIsReissuedAndReloaded(t *testing.T) {
	for name, b := range map[string]*bench{
		"the members' pair":  newBench(t, 2*year, month, 13*month, 2),
		"the manager's pair": newBench(t, 2*year, 13*month, month, 2),
		"the authority":      newBench(t, 11*year, 10*year+month, 10*year+month, 2),
	} {
		t.Run(name, func(t *testing.T) {
			b.t = t
			if b.call(0) == nil {
				t.Fatal("the member is reached with what has expired")
			}
			b.silent = map[int]bool{0: true, 1: true}
			b.steps()
			b.mountAll()
			for i := range b.mounted {
				if err := b.call(i); err != nil {
					t.Errorf("member %d: %v", i, err)
				}
			}
			b.silent = nil
			b.steps()
			b.mountAll()
			b.settled()
		})
	}
}
