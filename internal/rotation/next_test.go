// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package rotation

import (
	"bytes"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/quorate/quorate/internal/pki"
	"github.com/quorate/quorate/internal/resource"
)

// stages are the writes between one round of the kubelets and the next.
type stages [][]string

var wholeAuthority = stages{
	{"Introduce authority", "Trust member", "Trust manager"},
	{"Issue member", "Issue manager"},
	{"Trust member"},
	{"Trust manager", "Promote authority"},
}

func TestSequences(t *testing.T) {
	for name, c := range map[string]struct {
		authority, manager, member time.Duration
		request                    bool
		want                       stages
	}{
		"at rest":                       {month, month, month, false, nil},
		"an authority in its middle":    {5 * year, month, month, false, nil},
		"on request":                    {month, month, month, true, wholeAuthority},
		"the authority's last third":    {7 * year, month, month, false, wholeAuthority},
		"the members' pair due":         {year, month, 9 * month, false, stages{{"Issue member"}}},
		"the members' pair expired":     {2 * year, month, 13 * month, false, stages{{"Issue member"}}},
		"the manager's pair due":        {year, 9 * month, month, false, stages{{"Issue manager"}}},
		"both expired":                  {3 * year, 2 * year, 2 * year, false, stages{{"Issue member", "Issue manager"}}},
		"a due pair, and a request":     {year, month, 9 * month, true, wholeAuthority},
		"an expired manager, a request": {2 * year, 13 * month, month, true, wholeAuthority},
		// Nobody trusts anybody for its sake: there is nothing to wait for, but
		// for the end.
		"an expired authority": {11 * year, 10*year + month, 10*year + month, false, stages{
			{"Introduce authority", "Trust member", "Trust manager"},
			{"Trust member", "Trust manager", "Promote authority"},
		}},
		"made by a clock that was ahead": {-month, -month, -month, false, stages{
			{"Introduce authority", "Trust member", "Trust manager"},
			{"Trust member", "Trust manager", "Promote authority"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, c.authority, c.manager, c.member, 3)
			b.request = c.request
			var got stages
			for {
				steps := b.steps()
				if len(steps) == 0 {
					break
				}
				got = append(got, steps)
				if len(got) > 9 {
					t.Fatalf("there is no end to it: %v", got)
				}
				b.mountAll()
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			b.settled()
		})
	}
}

// settled checks how every rotation ends.
func (b *bench) settled() {
	b.t.Helper()
	if step := b.next(); step.Kind != "" || step.Why != "" {
		b.t.Errorf("it is not at rest: %+v", step)
	}
	if len(b.data[Authority]) != 2 {
		b.t.Errorf("the authority's Secret holds %d keys", len(b.data[Authority]))
	}
	for _, h := range holders {
		if !bytes.Equal(b.data[h][resource.AuthorityKey], b.data[Authority][resource.AuthorityKey]) {
			b.t.Errorf("the %s does not trust the one authority alone", h)
		}
		if string(b.data[h]["kept"]) != "as it was for the "+string(h) {
			b.t.Errorf("another credential of the %s was touched", h)
		}
	}
	for i := range b.mounted {
		if err := b.call(i); err != nil {
			b.t.Errorf("the manager does not reach member %d: %v", i, err)
		}
	}
}

// A manager that died after any write, at any stage of the kubelets, is
// followed by one that does the same as it would have: nothing but the Secrets
// and the reports is remembered.
func TestItGoesOnAfterEveryWrite(t *testing.T) {
	for writes := range 9 {
		b := newBench(t, month, month, month, 2)
		b.request = true
		done := 0
		for rounds := 0; done < writes; rounds++ {
			if rounds > 30 {
				t.Fatalf("it comes to %d writes and no further", done)
			}
			step := b.next()
			if step.Kind == "" {
				b.mountAll()
				continue
			}
			b.write(step)
			done++
		}
		var rest int
		for range 9 {
			n := len(b.steps())
			if rest += n; n == 0 && b.next().Why == "" {
				break
			}
			b.mountAll()
		}
		if done+rest != 8 {
			t.Errorf("after %d writes there are %d more", writes, rest)
		}
		b.settled()
	}
}

// No phase begins while a member with a pod has not mounted the one before, or
// is not heard; its word is awaited by name, and what was written stays.
func TestAMemberHoldsThePhaseUp(t *testing.T) {
	for phase := range wholeAuthority[:2] {
		b := newBench(t, month, month, month, 3)
		b.request = true
		for range phase {
			b.steps()
			b.mountAll()
		}
		b.steps()
		b.mount(0)
		b.mount(1)
		if step := b.next(); step.Kind != "" || !strings.Contains(step.Why, "the kubelet has yet to mount it for db-2") {
			t.Errorf("phase %d: %+v", phase, step)
		}
		b.mount(2)
		b.silent[2] = true
		if step := b.next(); step.Kind != "" || !strings.Contains(step.Why, "db-2 must be heard first") {
			t.Errorf("phase %d: %+v", phase, step)
		}
		b.silent[2] = false
		if step := b.next(); step.Kind == "" {
			t.Errorf("phase %d: it does not go on: %+v", phase, step)
		}
	}
}

// A pair is renewed whoever is silent, since none would be heard for its sake
// once it has expired; so it is while an authority waits for a silent member.
func TestARenewalWaitsForNobody(t *testing.T) {
	b := newBench(t, 2*year, month, 13*month, 3)
	b.silent = map[int]bool{0: true, 1: true, 2: true}
	if diff := cmp.Diff([]string{"Issue member"}, b.steps()); diff != "" {
		t.Error(diff)
	}
	if step := b.next(); step.Why != "" {
		t.Errorf("a silent member is waited for at rest: %+v", step)
	}
	b.request = true
	b.steps()
	b.now = b.now.Add(9 * month)
	if diff := cmp.Diff([]string{"Issue member", "Issue manager"}, b.steps()); diff != "" {
		t.Error(diff)
	}
	present, err := b.state().certificate(Authority, resource.AuthorityKey)
	b.must(err)
	pair, err := b.state().certificate(Member, resource.CertificateKey)
	b.must(err)
	if !pair.IssuedBy(present) {
		t.Error("a pair was issued by an authority that not everybody is known to trust")
	}
}

// Without pods there is nobody to wait for: a stopped set is renewed in one go.
func TestAStoppedSet(t *testing.T) {
	b := newBench(t, 7*year, month, month, 0)
	if got := b.steps(); len(got) != 8 {
		t.Errorf("%v", got)
	}
	b.settled()
}

// A next authority that has itself expired, since a member was silent for so
// long, is replaced by another one.
func TestTheNextAuthorityExpires(t *testing.T) {
	b := newBench(t, 7*year, month, month, 1)
	b.silent[0] = true
	b.steps()
	first := b.data[Authority][NextAuthorityKey]
	b.now = b.now.Add(11 * year)
	if step := b.next(); step.Kind != Introduce {
		t.Fatalf("%+v", step)
	}
	b.steps()
	if bytes.Equal(first, b.data[Authority][NextAuthorityKey]) {
		t.Error("the expired one is still the next")
	}
}

// What cannot be read is said, and nothing is made in its place.
func TestUnreadable(t *testing.T) {
	for secret, key := range map[Secret]string{Authority: resource.AuthorityKey, Manager: resource.CertificateKey, Member: resource.CertificateKey} {
		for _, value := range [][]byte{nil, []byte("text")} {
			b := newBench(t, month, month, month, 1)
			b.data[secret] = maps.Clone(b.data[secret])
			b.data[secret][key] = value
			_, err := b.state().Next()
			var unreadable *UnreadableError
			if !errors.As(err, &unreadable) || unreadable.Secret != secret || unreadable.Key != key {
				t.Errorf("%s %s: %v", secret, key, err)
			}
		}
	}
	b := newBench(t, 2*year, month, 13*month, 1)
	b.data[Authority][resource.AuthorityPrivateKey] = nil
	var unreadable *UnreadableError
	if _, err := b.state().Write(b.next()); !errors.As(err, &unreadable) || unreadable.Secret != Authority {
		t.Errorf("without the authority's key: %v", err)
	}
}

// Pairs of another authority, as in a Secret that was restored from an old
// backup, are issued anew by the one that there is.
func TestAPairOfAnotherAuthority(t *testing.T) {
	b := newBench(t, month, month, month, 2)
	pair, err := pki.NewAuthority("0c2a", b.now)
	b.must(err)
	b.data[Authority] = map[string][]byte{resource.AuthorityKey: pair.Certificate, resource.AuthorityPrivateKey: pair.Key}
	if diff := cmp.Diff([]string{"Trust member", "Trust manager"}, b.steps()); diff != "" {
		t.Error(diff)
	}
	b.mountAll()
	b.settled()
}
