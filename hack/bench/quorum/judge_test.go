// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

var begin = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// whole is a look at so many servers with which nothing is wrong.
func whole(size int) Sample {
	s := Sample{At: begin, Answers: map[string]Answer{}, IDs: map[string]string{}}
	for i := range size {
		name, id, ip := fmt.Sprintf("consul-%d", i), fmt.Sprintf("id-%d", i), fmt.Sprintf("10.0.0.%d", i)
		s.Members = append(s.Members, Member{Name: name, UID: "uid-" + name, URL: "http://" + ip, Addresses: []string{ip, "10.96.0." + fmt.Sprint(i)}, Running: true})
		s.Answers[name], s.IDs[name] = Answer{Alive: true, Leader: "10.96.0.0:8300"}, id
		s.Peers = append(s.Peers, Peer{ID: id, Node: name, Address: "10.96.0." + fmt.Sprint(i) + ":8300", Voter: true, Leader: i == 0})
		s.Health = append(s.Health, Server{ID: id, Name: name, Healthy: true, Voter: true})
	}
	return s
}

func TestLacks(t *testing.T) {
	if why := whole(3).Lacks(3); why != "" {
		t.Fatalf("a whole set lacks: %s", why)
	}
	for _, c := range []struct {
		change func(*Sample)
		want   string
	}{
		{func(s *Sample) { s.Members[1].Leaving = true }, "consul-1 is being deleted"},
		{func(s *Sample) { s.Members[1].Running = false }, "consul-1 does not run"},
		{func(s *Sample) { s.Members = s.Members[:2] }, "2 pods"},
		{func(s *Sample) { s.Peers = nil }, "nobody tells the configuration"},
		{func(s *Sample) { s.Health = nil }, "nobody tells the health"},
		{func(s *Sample) { s.Peers = append(s.Peers, Peer{ID: "old"}) }, "4 servers"},
		{func(s *Sample) { s.Peers[2].Address = "10.0.9.9:8300" }, "no pod has the address 10.0.9.9:8300"},
		{func(s *Sample) { s.Peers[2] = s.Peers[1] }, "the same address"},
		{func(s *Sample) { s.Peers[2].Voter = false }, "consul-2 has no vote yet"},
		{func(s *Sample) { s.IDs["consul-2"] = "new" }, "consul-2 is not the server"},
		{func(s *Sample) { s.Answers["consul-2"], s.IDs["consul-2"] = Answer{}, "" }, "consul-2 does not answer"},
		{func(s *Sample) { s.Health[2].Healthy = false }, "consul-2 is not healthy"},
		{func(s *Sample) { s.Health[0].Healthy = false }, "consul-0 is not healthy"},
		{func(s *Sample) { s.Health = s.Health[:2] }, "consul-2 is not healthy"},
		{func(s *Sample) { s.Answers["consul-0"] = Answer{} }, "consul-0 does not answer"},
		{func(s *Sample) { s.Answers["consul-0"] = Answer{Alive: true} }, "consul-0 knows of no leader"},
		{func(s *Sample) { s.Missing = "log_level" }, "log_level"},
	} {
		s := whole(3)
		c.change(&s)
		if why := s.Lacks(3); !strings.Contains(why, c.want) || why == "" {
			t.Errorf("it lacks %q, want %q", why, c.want)
		}
	}
}

func TestLeader(t *testing.T) {
	s := whole(3)
	if m, ok := s.Leader(); !ok || m.Name != "consul-0" {
		t.Errorf("the leader is %v", m.Name)
	}
	s.Peers = nil
	if m, ok := s.Leader(); ok {
		t.Errorf("%s leads, and nobody said so", m.Name)
	}
}

func sampled(seconds int, s Sample) Sample {
	s.At = begin.Add(time.Duration(seconds) * time.Second)
	return s
}

func TestSince(t *testing.T) {
	good := func(s Sample) bool { return len(s.Members) == 3 }
	samples := []Sample{
		sampled(0, whole(3)), sampled(1, whole(3)), sampled(2, whole(2)), sampled(3, whole(3)), sampled(4, whole(3)), sampled(6, whole(3)),
	}
	if at, ok := Since(samples, 3*time.Second, good); !ok || at.Sub(begin) != 3*time.Second {
		t.Errorf("it has lasted since %v, %t", at.Sub(begin), ok)
	}
	if _, ok := Since(samples, 4*time.Second, good); ok {
		t.Error("it has not lasted for four seconds")
	}
	if _, ok := Since(append(samples, sampled(7, whole(2))), 0, good); ok {
		t.Error("what has ended counts")
	}
	if _, ok := Since(nil, 0, good); ok {
		t.Error("nothing was seen, and that was good")
	}
}

func TestLowest(t *testing.T) {
	gone := func(s Sample, names ...string) Sample {
		for _, n := range names {
			s.Answers[n] = Answer{}
		}
		return s
	}
	unseen := gone(whole(3), "consul-0")
	unseen.Peers, unseen.Health = nil, nil
	sick := whole(3)
	sick.Health[1].Healthy, sick.Health[2].Healthy = false, false
	elected := whole(3)
	for i := range elected.Health {
		elected.Health[i].Healthy = false
	}
	lost := whole(3)
	lost.Answers["consul-2"] = Answer{Alive: true}
	leaderless := whole(3)
	for name := range leaderless.Answers {
		leaderless.Answers[name] = Answer{Alive: true}
	}
	leaderless.Peers, leaderless.Health = nil, nil
	orphaned := gone(whole(3), "consul-0")
	orphaned.Answers["consul-1"], orphaned.Peers, orphaned.Health = Answer{Alive: true}, nil, nil
	joining := whole(4)
	joining.Peers[3].Voter = false
	moved := whole(3)
	moved.Members[1].Addresses = []string{"10.0.7.7"}
	for _, c := range []struct {
		name string
		of   []Sample
		want Low
	}{
		{"nothing happens", []Sample{whole(3), whole(3)}, Low{true, 1, 3, 0}},
		{"one does not answer", []Sample{whole(3), gone(whole(3), "consul-2"), gone(whole(3), "consul-2")}, Low{true, 0, 2, 1}},
		{"one does not answer once", []Sample{whole(3), gone(whole(3), "consul-2"), whole(3)}, Low{true, 1, 3, 0}},
		{"no leader tells, and one does not answer", []Sample{whole(3), unseen, unseen}, Low{true, 0, 2, 1}},
		{"autopilot knows worse", []Sample{whole(3), sick}, Low{true, -1, 1, 2}},
		{"a leader that was just elected", []Sample{elected}, Low{true, 1, 3, 0}},
		{"one follows nobody for a moment", []Sample{whole(3), lost, whole(3)}, Low{true, 1, 3, 0}},
		{"one follows nobody", []Sample{whole(3), lost, lost}, Low{true, 0, 2, 1}},
		{"those who live still follow the dead", []Sample{whole(3), orphaned, orphaned}, Low{true, 0, 2, 1}},
		{"nobody follows", []Sample{whole(3), leaderless, leaderless}, Low{true, 1, 3, 0}},
		{"one without a vote does not count", []Sample{joining}, Low{true, 1, 3, 0}},
		{"a pod at another address is not the voter", []Sample{moved}, Low{true, 0, 2, 1}},
		{"the worst of different moments", []Sample{whole(5), gone(whole(5), "consul-1", "consul-2"), gone(whole(5), "consul-1", "consul-2"), gone(whole(3), "consul-1")}, Low{true, 0, 2, 2}},
		{"nothing is known", []Sample{{}}, Low{}},
	} {
		for i := range c.of {
			c.of[i] = sampled(i, c.of[i])
		}
		if got := Lowest(c.of, begin, begin.Add(time.Hour)); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
	late := []Sample{sampled(0, whole(3)), sampled(5, gone(whole(3), "consul-1")), sampled(6, gone(whole(3), "consul-1"))}
	if got := Lowest(late, begin, begin.Add(time.Second)); got.Away != 0 {
		t.Errorf("what came later counts: %+v", got)
	}
	before := []Sample{sampled(0, whole(3)), sampled(5, unseen), sampled(6, unseen)}
	if got := Lowest(before, begin.Add(time.Second), begin.Add(time.Hour)); got.Healthy != 2 {
		t.Errorf("the configuration known before does not count: %+v", got)
	}
}
