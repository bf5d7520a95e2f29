// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"fmt"
	"time"
)

// Lacks says what is missing until the set is whole: as many pods as wanted,
// all running, none leaving; the configuration exactly these, each under its
// identity of now and with a vote; each healthy in autopilot's eyes; each
// answering, and following somebody. It returns nothing where nothing is.
//
// Autopilot alone would not do: it calls a pod healthy for seconds after it is
// gone.
func (s Sample) Lacks(want int) string {
	if why := s.lacksPods(want); why != "" {
		return why
	}
	switch {
	case s.Peers == nil:
		return "nobody tells the configuration"
	case s.Health == nil:
		return "nobody tells the health"
	case len(s.Peers) != want:
		return fmt.Sprintf("%d servers in the configuration", len(s.Peers))
	}
	seen := map[string]bool{}
	for _, p := range s.Peers {
		if why := s.lacksPeer(p); why != "" {
			return why
		}
		m, _ := s.memberOf(p)
		seen[m.Name] = true
	}
	if len(seen) != want {
		return "two servers in the configuration have the same address"
	}
	return s.Missing
}

func (s Sample) lacksPods(want int) string {
	for _, m := range s.Members {
		switch {
		case m.Leaving:
			return m.Name + " is being deleted"
		case !m.Running:
			return m.Name + " does not run"
		}
	}
	if len(s.Members) != want {
		return fmt.Sprintf("%d pods", len(s.Members))
	}
	return ""
}

func (s Sample) lacksPeer(p Peer) string {
	m, ok := s.memberOf(p)
	if !ok {
		return "no pod has the address " + p.Address + " of a server in the configuration"
	}
	answer := s.Answers[m.Name]
	switch {
	case !p.Voter:
		return m.Name + " has no vote yet"
	case !answer.Alive:
		return m.Name + " does not answer"
	case answer.Leader == "" && s.Replicas == 0:
		return m.Name + " knows of no leader"
	case s.IDs[m.Name] != p.ID:
		return m.Name + " is not the server that the configuration means"
	case !s.judged() || !s.healthy(p.ID):
		return m.Name + " is not healthy"
	}
	return ""
}

// Since returns the beginning of the last time without end in which every
// sample was good, if that has lasted for the given time.
func Since(samples []Sample, hold time.Duration, good func(Sample) bool) (time.Time, bool) {
	var since time.Time
	for _, s := range samples {
		switch {
		case !good(s):
			since = time.Time{}
		case since.IsZero():
			since = s.At
		}
	}
	if since.IsZero() || samples[len(samples)-1].At.Sub(since) < hold {
		return time.Time{}, false
	}
	return since, true
}

// Low is how little was left at the worst moments.
type Low struct {
	// Known tells that the configuration was seen at all.
	Known bool
	// Tolerance is how many more voters could have failed: healthy ones less those
	// that are needed. Less than nothing means that there was no quorum.
	Tolerance int
	// Healthy is the least number of healthy voters, Away the greatest number of
	// voters that were not.
	Healthy, Away int
}

// Lowest finds the worst moments between two times. A voter is healthy where a
// pod is at its address, its server is not silent, and autopilot does not say
// the contrary. Where no leader tells the configuration, the last one known
// counts.
func Lowest(samples []Sample, from, to time.Time) Low {
	var low Low
	var peers []Peer
	var before Sample
	for _, s := range samples {
		if s.Peers != nil {
			peers = s.Peers
		}
		if peers != nil && !s.At.Before(from) && !s.At.After(to) {
			voters, healthy := s.count(peers, before)
			low = low.lower(Low{Known: true, Tolerance: healthy - s.needed(voters), Healthy: healthy, Away: voters - healthy})
		}
		before = s
	}
	return low
}

// lower takes the worse of each.
func (l Low) lower(than Low) Low {
	if !l.Known {
		return than
	}
	return Low{
		Known: true, Tolerance: min(l.Tolerance, than.Tolerance),
		Healthy: min(l.Healthy, than.Healthy), Away: max(l.Away, than.Away),
	}
}

func (s Sample) count(peers []Peer, before Sample) (voters, healthy int) {
	for _, p := range peers {
		if !p.Voter {
			continue
		}
		voters++
		m, ok := s.memberOf(p)
		if ok && s.healthy(p.ID) && !(s.silent(m.Name) && before.silent(m.Name)) {
			healthy++
		}
	}
	return voters, healthy
}

// silent tells whether a server does not answer, or follows nobody while another
// leads. A single look may say so of one that was only slow, or just followed
// somebody else; two say that it is away, and sooner than autopilot.
func (s Sample) silent(name string) bool {
	answer := s.Answers[name]
	return !answer.Alive || s.Peers != nil && answer.Leader == "" && s.Replicas == 0
}

// needed is how many voters must be there: a majority, or in a ring all but as many as
// the replicas of a row can do without, wherever these are.
func (s Sample) needed(voters int) int {
	if s.Replicas == 0 {
		return majority(voters)
	}
	copies := min(s.Replicas, voters)
	return voters - (copies - majority(copies))
}

func majority(voters int) int { return voters/2 + 1 }
