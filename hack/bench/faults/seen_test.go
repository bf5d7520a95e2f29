// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"slices"
	"testing"

	"github.com/quorate/quorate/hack/bench/quorum"
)

// seen are so many members as they are before anything happens.
func seen(size int) quorum.Sample {
	s := quorum.Sample{IDs: map[string]string{}}
	for i := range size {
		name := consul().member(i)
		s.Members = append(s.Members, quorum.Member{Name: name, UID: "uid-" + name, Container: "container-" + name, Running: true})
		s.IDs[name] = "id-" + name
		s.Peers = append(s.Peers, quorum.Peer{Voter: true})
		s.Health = append(s.Health, quorum.Server{Name: name, Version: consul().newer})
	}
	return s
}

func TestWhatIsStillMissing(t *testing.T) {
	change := func(do func(*quorum.Sample)) quorum.Sample {
		s := seen(3)
		do(&s)
		return s
	}
	moved := change(func(s *quorum.Sample) { s.Members[1].UID, s.Members[1].Container = "new", "new" })
	for _, c := range []struct {
		name string
		over func(before, now quorum.Sample) string
		now  quorum.Sample
		done bool
	}{
		{"no pod is new", podsRenewed(1), seen(3), false},
		{"one pod is new", podsRenewed(1), moved, true},
		{"one of three is new", podsRenewed(3), moved, false},
		{"a new pod that does not run", podsRenewed(1), change(func(s *quorum.Sample) { s.Members[1].UID, s.Members[1].Running = "new", false }), false},
		{"the same containers", containerRenewed, seen(3), false},
		{"another container", containerRenewed, change(func(s *quorum.Sample) { s.Members[2].Container = "new" }), true},
		{"another container that does not run", containerRenewed, change(func(s *quorum.Sample) { s.Members[2].Container, s.Members[2].Running = "", false }), false},
		{"the same identity", consul().firstReplaced, moved, false},
		{"no identity", consul().firstReplaced, change(func(s *quorum.Sample) { delete(s.IDs, consul().member(0)) }), false},
		{"another identity", consul().firstReplaced, change(func(s *quorum.Sample) { s.IDs[consul().member(0)] = "new" }), true},
		{"no pod is rolled out", annotated, seen(3), false},
		{"all are", annotated, change(func(s *quorum.Sample) {
			for i := range s.Members {
				s.Members[i].Annotations = map[string]string{rolloutAnnotation: "now"}
			}
		}), true},
		{"one runs the old release", consul().upgraded, change(func(s *quorum.Sample) { s.Health[0].Version = consul().older }), false},
		{"none does", consul().upgraded, seen(3), true},
	} {
		if why := c.over(seen(3), c.now); (why == "") != c.done {
			t.Errorf("%s: %q", c.name, why)
		}
	}
	if got := touched(seen(3), moved); !slices.Equal(got, []string{consul().member(1)}) {
		t.Errorf("%v were restarted", got)
	}
	st := &stage{node: "node-2"}
	if elsewhere(st, change(func(s *quorum.Sample) { s.Members[0].Node = "node-2" })) == "" || elsewhere(st, seen(3)) != "" {
		t.Error("it is not seen which members are on the lost node")
	}
}

func TestOperationsAreUnderWay(t *testing.T) {
	leaving := seen(5)
	leaving.Members[4].Leaving = true
	left := seen(5)
	left.Peers = left.Peers[:4]
	unknown := seen(5)
	unknown.Peers = nil
	replaced := seen(3)
	replaced.Members[2].UID = "new"
	for _, c := range []struct {
		name        string
		o           operation
		before, now quorum.Sample
		want        bool
	}{
		{"nothing is rolled out", roll, seen(3), seen(3), false},
		{"one pod is", roll, seen(3), replaced, true},
		{"it has not grown", grow, seen(3), seen(3), false},
		{"there is one more pod", grow, seen(3), seen(4), true},
		{"it has not shrunk", shrink, seen(5), seen(5), false},
		{"nobody tells the peers", shrink, seen(5), unknown, false},
		{"a pod is being deleted", shrink, seen(5), leaving, true},
		{"a member has left", shrink, seen(5), left, true},
	} {
		if got := c.o.under(c.before, c.now); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}
