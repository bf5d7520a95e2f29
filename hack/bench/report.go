// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/quorate/quorate/hack/bench/ground"
	"github.com/quorate/quorate/hack/bench/stats"
)

// markApplied is when kubectl has returned.
const markApplied mark = "kubectl apply has returned"

// run is one formation.
type run struct {
	at       map[mark]time.Duration
	troubles *tally
	// busy is the share of the machine's processors in use before it began.
	busy float64
}

// outcomes are what the contenders are compared by.
var outcomes = []mark{markLeader, markVoters, markUsable, markReady}

func (r run) line(c contender) string {
	parts := []string{fmt.Sprintf("%-10s", c.key)}
	for _, o := range outcomes {
		if at, ok := r.at[o]; ok {
			parts = append(parts, fmt.Sprintf("%s %.2f s", o, at.Seconds()))
		}
	}
	parts = append(parts, fmt.Sprintf("(%.0f %% busy before)", 100*r.busy))
	for _, name := range r.troubles.names() {
		parts = append(parts, fmt.Sprintf("\n         %d × %s", r.troubles.count(name), name))
	}
	return strings.Join(parts, "  ")
}

// results are all formations, by contender.
type results struct {
	when time.Time
	runs map[string][]run
}

func (r results) series(c contender, m mark) stats.Series {
	var out stats.Series
	for _, one := range r.runs[c.key] {
		if at, ok := one.at[m]; ok {
			out = append(out, at)
		}
	}
	return out
}

func (r results) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Time to form three Consul servers\n\n")
	fmt.Fprintf(&b, "Measured %s by `make bench-form` on %s, with control plane and three nodes on this one machine. "+
		"Kubernetes 1.36.3, Consul 1.22.3, images on the nodes already.\n\n", r.when.UTC().Format("2006-01-02"), ground.Machine())
	b.WriteString("All were formed in turn on the same cluster, each in a fresh namespace that was removed with its volumes " +
		"before the next. Seconds from just before `kubectl apply`: median (least–most).\n\n")
	r.outcomes(&b)
	b.WriteString("\n- *Three healthy voters* is what autopilot says. With access control it can only be asked once that is bootstrapped.\n" +
		"- *A write* goes to any server that takes it (tutorial), or through the client Service with the token of the connection " +
		"Secret (Datastore). It is one `PUT` that is answered with `true`, so it also waits for kube-proxy.\n" +
		"- *Ready* is the Datastore's condition: every member has its vote, serves, and clients can use the set.\n" +
		"- Servers were asked every " + pollEvery.String() + ". The tutorial's servers have neither gossip encryption nor access control; the Datastore's have both.\n" +
		"- *Busy before* is the mean share of the processors in use just before each run, the cluster at rest included. Among other " +
		"work everything takes longer, so that only figures of one table are to be compared.\n" +
		"- Not measured: pulling images, other sizes than three, more than one Datastore at a time, nodes that are machines of their own.\n")
	r.timeline(&b)
	r.troubles(&b)
	return b.String()
}

func (r results) outcomes(b *strings.Builder) {
	b.WriteString("| |")
	for _, o := range outcomes {
		fmt.Fprintf(b, " %s |", o)
	}
	b.WriteString(" runs | busy before |\n|---|" + strings.Repeat("---|", len(outcomes)+2) + "\n")
	for _, c := range contenders {
		fmt.Fprintf(b, "| %s |", c.title)
		for _, o := range outcomes {
			fmt.Fprintf(b, " %s |", r.series(c, o).Spread())
		}
		fmt.Fprintf(b, " %d | %.0f %% |\n", len(r.runs[c.key]), 100*r.busy(c))
	}
	base := contenders[0]
	for _, c := range contenders[1:] {
		fmt.Fprintf(b, "| %s ÷ %s |", c.title, base.title)
		for _, o := range outcomes {
			fmt.Fprintf(b, " %s |", ratio(r.series(c, o).Median(), r.series(base, o).Median()))
		}
		b.WriteString(" | |\n")
	}
	last := contenders[len(contenders)-1]
	if ready, voters := r.series(last, markReady).Median(), r.series(base, markVoters).Median(); ready > 0 && voters > 0 {
		fmt.Fprintf(b, "\nDatastore Ready ÷ three healthy voters of the %s: **%s**.\n", base.title, ratio(ready, voters))
	}
}

func ratio(a, b time.Duration) string {
	if a == 0 || b == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", a.Seconds()/b.Seconds())
}

// busy is the mean of what was busy before each run.
func (r results) busy(c contender) float64 {
	sum := 0.0
	for _, one := range r.runs[c.key] {
		sum += one.busy
	}
	return sum / float64(max(len(r.runs[c.key]), 1))
}

// timeline shows where the time goes, in the order in which it went by in the
// contender that has the most to show.
func (r results) timeline(b *strings.Builder) {
	b.WriteString("\n## Where the time goes\n\nMedian offsets in seconds, in the order of the last column. \"Last\" is the latest of the three members. " +
		"What is *seen* came by a watch, after the kubelet had written it; what has its *say* is the first line of a container's log.\n\n| moment |")
	for _, c := range contenders {
		fmt.Fprintf(b, " %s |", c.title)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(contenders)) + "\n")
	for _, m := range r.moments() {
		fmt.Fprintf(b, "| %s |", m)
		for _, c := range contenders {
			s := r.series(c, m)
			if len(s) == 0 {
				b.WriteString(" |")
				continue
			}
			fmt.Fprintf(b, " %.2f |", s.Median().Seconds())
		}
		b.WriteString("\n")
	}
}

// moments are all marks in the order of the last contender that has them.
func (r results) moments() []mark {
	at := map[mark]time.Duration{}
	for _, c := range contenders {
		for _, one := range r.runs[c.key] {
			for m := range one.at {
				at[m] = r.series(c, m).Median()
			}
		}
	}
	var out []mark
	for m := range at {
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b mark) int {
		if at[a] != at[b] {
			return int(at[a] - at[b])
		}
		return strings.Compare(string(a), string(b))
	})
	return out
}

// troubles lists the warnings that the kubelets and others gave.
func (r results) troubles(b *strings.Builder) {
	b.WriteString("\n## Warnings on the way\n\n")
	none := true
	for _, c := range contenders {
		total := newTally()
		for _, one := range r.runs[c.key] {
			for _, name := range one.troubles.names() {
				for range one.troubles.count(name) {
					total.add(name)
				}
			}
		}
		for _, name := range total.names() {
			none = false
			fmt.Fprintf(b, "- %s: %d × %s\n", c.title, total.count(name), name)
		}
	}
	if none {
		b.WriteString("None.\n")
	}
}
