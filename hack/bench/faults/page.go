// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"fmt"
	"strings"
	"time"

	"github.com/quorate/quorate/hack/bench/ground"
	"github.com/quorate/quorate/hack/bench/load"
	"github.com/quorate/quorate/hack/bench/quorum"
)

// results are all outcomes.
type results struct {
	engine    *engine
	when      time.Time
	runs      int
	scenarios []scenario
	subjects  []subject
	outcomes  map[string][]outcome
	// kubernetes is the version of the cluster; direct tells that servers were
	// called at their own addresses.
	kubernetes string
	direct     bool
	// busy is the greatest share of the processors in use just before a scenario.
	busy float64
	took time.Duration
}

func key(sc scenario, sub subject) string { return sc.name + "/" + sub.key() }

func (r results) of(sc scenario, sub subject) []outcome { return r.outcomes[key(sc, sub)] }

// rival are the tutorial's outcomes.
func (r results) rival(sc scenario) []outcome { return r.of(sc, r.engine.tutorial) }

// page is what is published.
func (r results) page() string {
	var b strings.Builder
	b.WriteString("# Faults and planned work, under a client that writes\n\n")
	b.WriteString(r.origin() + "\n\n")
	b.WriteString(r.table() + "\n")
	r.reasons(&b)
	b.WriteString(r.engine.explained())
	r.scenarioTable(&b)
	return b.String()
}

// origin says where the figures come from.
func (r results) origin() string {
	if len(r.outcomes) == 0 {
		return "Written by `" + r.engine.target + "`. **It has not been run yet**: this is what it will measure."
	}
	times := "once"
	if r.runs > 1 {
		times = fmt.Sprintf("%d times: medians (least–most), and of lost, tolerance and voters the worst", r.runs)
	}
	where := "on a cluster that was at hand, from " + ground.Machine()
	if r.direct {
		where = "on " + ground.Machine() + ", with control plane and three nodes on this one machine"
	}
	var titles []string
	for _, sub := range r.subjects {
		titles = append(titles, sub.title())
	}
	text := fmt.Sprintf("Measured %s by `%s` %s, in %s. Kubernetes %s, %s %s. Each scenario was played by %s in turn, each %s. "+
		"At most %.0f %% of the processors were in use just before a scenario.", r.when.UTC().Format("2006-01-02"), r.engine.target, where,
		r.took.Round(time.Minute), r.kubernetes, r.engine.name, r.engine.newer, strings.Join(titles, " and "), times, 100*r.busy)
	if all := len(r.engine.scenarios()); len(r.scenarios) < all {
		text += fmt.Sprintf(" **%d of %d scenarios were played**; the others are not in the table.", len(r.scenarios), all)
	}
	if !r.direct {
		text += " The client's calls passed through the API server, so that its gaps are in the figures, too."
	}
	return text
}

// reasons lists why a verdict is not "pass", and what else there is to say.
func (r results) reasons(b *strings.Builder) {
	var lines []string
	for _, sc := range r.scenarios {
		for _, sub := range r.subjects {
			lines = append(lines, r.remarks(sc, sub)...)
		}
	}
	if len(lines) > 0 {
		b.WriteString("## What there is to say of single lines\n\n" + strings.Join(lines, "\n") + "\n\n")
	}
}

func (r results) remarks(sc scenario, sub subject) []string {
	var lines []string
	add := func(text string) { lines = append(lines, fmt.Sprintf("- %s, %s: %s.", sc.title, sub.title(), text)) }
	outcomes := r.of(sc, sub)
	if sub.operated() {
		misses, _ := judge(sc.target, outcomes, r.rival(sc))
		for _, miss := range misses {
			add("FAIL, " + miss)
		}
	}
	for _, o := range outcomes {
		for _, note := range o.notes {
			add(note)
		}
		if sub.operated() {
			continue
		}
		switch {
		case o.failed != "":
			add(o.failed)
		case o.skipped == "" && !o.whole:
			add("not back: " + o.lacks)
		}
		for _, complaint := range o.complaints {
			add(complaint)
		}
	}
	return lines
}

func explained() string {
	return fmt.Sprintf("## How it is measured\n\n"+
		"- The *client* begins a write every %s, whatever became of those before, each of a key of its own: a `PUT` to the Service with an "+
		"address of its own (`consul-ui` of the tutorial, `consul-client` of the Datastore), from outside of the nodes and by way of "+
		"kube-proxy. A try that is not acknowledged within %s is repeated once over a new connection, then the write has *failed*. "+
		"So a leader that is away fails all writes that begin in this time, while a follower that hangs delays what it was given.\n"+
		"- *Gap* is the longest time between two acknowledgements from just before the fault to the end; ≥ where none came any more.\n"+
		"- *But lost* are acknowledged keys that are not there at the end, with their values, read with `?consistent`.\n"+
		"- *All voters back* is when all of this begins to hold, and then holds for %s: as many pods as wanted, all running; Raft's configuration exactly "+
		"these, by address and by the identity that the running process has, each with a vote; each healthy in autopilot's eyes, answering, "+
		"and following a leader; the pods, versions, settings or volumes being those asked for.\n"+
		"- *Tolerance* is healthy voters less a majority of the voters in Raft's configuration; less than 0 is no quorum. A voter is healthy where "+
		"a pod is at its address, its server answers, and follows whoever leads, in one of two looks at least, and autopilot says so; while nobody leads, or "+
		"a new leader has not yet looked at the others, its answer is enough. It was looked at every %s; the lowest counts.\n"+
		"- A *verdict* is given on the Datastore: the target below, nothing lost, all voters back, and neither gap nor return more than %s above the tutorial's.\n"+
		"- The tutorial's servers have neither gossip encryption nor access control; the Datastore's have both. Nobody looks after the tutorial's: what "+
		"is *not back* stays so until a person comes. Where a node is lost, the operator runs on another one.\n"+
		"- Not measured: nodes that are machines of their own, disks that are slow, networks that lose some packets.\n\n",
		load.Every, load.Timeout, hold, quorum.Every, tie)
}

// scenarioTable says what is done, from when the time counts, and what is asked.
func (r results) scenarioTable(b *strings.Builder) {
	b.WriteString("## The scenarios\n\n")
	rows := [][]string{{"scenario", "name", "servers", "the time counts from", "asked of the Datastore"}}
	for _, sc := range r.scenarios {
		counts, servers := sc.counts, fmt.Sprint(sc.setup.size)
		if counts == "" {
			counts = "the beginning"
		}
		if sc.want != 0 {
			servers = fmt.Sprintf("%d, then %d", sc.setup.size, sc.want)
		}
		rows = append(rows, []string{sc.title, "`" + sc.name + "`", servers, counts, sc.target.text()})
	}
	b.WriteString(markdown(rows))
}
