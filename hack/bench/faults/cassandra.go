// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/hack/bench/load"
	"github.com/quorate/quorate/hack/bench/manifests"
	"github.com/quorate/quorate/hack/bench/quorum"
	"github.com/quorate/quorate/hack/cql"
)

// cassandra is measured with what applies to a ring: nobody leads it, it has one
// release, and a member more or fewer takes a minute or two.
func cassandra() *engine {
	e := &engine{
		key: "cassandra", name: "Cassandra", set: manifests.NameCassandra, older: "5.0", newer: "5.0",
		images: "dist/images/cassandra/*.tar", patience: ringPatience,
		tutorial:  byHandCassandra{},
		datastore: operated{manifest: manifests.DatastoreCassandra(), set: manifests.NameCassandra, secret: "password"},
		prober:    askCassandra, client: writeRows,
		target: "make bench-faults ENGINE=cassandra", report: "docs/benchmarks/faults-cassandra.md", explained: explainedCassandra,
	}
	e.replaced = e.firstReplaced
	e.scenarios = func() []scenario {
		out := append(append(e.ringLosses(), e.ringChanges()...), e.ringOutages()...)
		for i := range out {
			out[i].limit = ringPatience
		}
		return out
	}
	return e
}

// ringPatience is for how long a ring may take to form, or to be whole again: a server
// starts in half a minute of a core, and waits half a minute for what others tell.
const ringPatience = 10 * time.Minute

// One member may be missed wherever it is: its clients go on with the others as soon as
// they notice.
var missed = goal{gap: 2 * time.Second}

func (e *engine) ringLosses() []scenario {
	first := e.member(0)
	return []scenario{
		{name: "member-deleted", title: first + "'s pod deleted", setup: e.three(), apply: deleteLeader, over: than(podsRenewed(1)), target: missed},
		{
			name: "member-killed", title: first + " killed by SIGKILL", setup: e.three(), machine: true,
			apply: killLeader, over: than(containerRenewed), target: missed,
		},
		{name: "all-deleted", title: "all pods deleted", setup: e.three(), apply: deleteAll, over: than(podsRenewed(3))},
		{name: "claim-deleted", title: "pod and claim of " + first + " deleted", setup: e.three(), apply: loseClaim, over: than(e.replaced), target: missed},
		{
			name: "member-frozen", title: first + "'s process frozen for 30 s", counts: "its going on", setup: e.three(), machine: true,
			apply: freezeLeader, untouched: true, target: goal{gap: 8 * time.Second},
		},
		{
			name: "node-partitioned", title: first + "'s node cut off for 60 s", counts: "the healing", setup: e.three(), machine: true,
			prepare: chooseNode, apply: partition, restore: healNode, target: goal{gap: 8 * time.Second},
		},
		{
			name: "node-tainted", title: first + "'s node lost, and tainted out-of-service", counts: "the taint",
			setup: e.withLostReplaced(), machine: true,
			prepare: chooseNode, apply: loseNode(taintNode), over: elsewhere, restore: bringNode, target: goal{gap: 8 * time.Second},
		},
	}
}

// ringPlanned is asked of everything that somebody wants done.
var ringPlanned = goal{gap: 2 * time.Second, oneAway: true, quorum: true}

func (e *engine) ringChanges() []scenario {
	four := e.three()
	four.size = 4
	return []scenario{
		{name: "rollout", title: "rollout of a changed template", setup: e.three(), apply: rollout, over: than(annotated), target: ringPlanned},
		{name: "3-to-4", title: "3 → 4", setup: e.three(), want: 4, apply: scaleTo(4), target: ringPlanned},
		{name: "4-to-3", title: "4 → 3", setup: four, want: 3, apply: scaleTo(3), target: ringPlanned},
	}
}

func (e *engine) ringOutages() []scenario {
	return append(e.shortOutages(ringPlanned), scenario{
		name: "operator-killed-3-to-4", title: "operator killed in the middle of 3 → 4", setup: e.three(), want: 4, machine: true, operator: true,
		apply: killOperator(growByOne), restore: freshOperator, target: ringPlanned,
	})
}

// door is how the servers are reached, and with whose rights.
func (st *stage) door(ctx context.Context) (cql.Door, error) {
	names, err := st.names(ctx)
	if err != nil {
		return cql.Door{}, err
	}
	password, err := st.subject.token(ctx, st)
	if err != nil {
		return cql.Door{}, err
	}
	out := cql.Door{Names: names, Port: cql.Port, Password: password}
	if st.subject.operated() {
		out.User = "admin"
	}
	return out, nil
}

// points are where a client begins: the address of each member's Service, which the
// member tells others, or where there is none the name of its pod.
func (st *stage) points(ctx context.Context) ([]string, error) {
	var out []string
	for i := range manifests.Size {
		var s corev1.Service
		err := st.K8s.Get(ctx, client.ObjectKey{Namespace: st.namespace, Name: st.engine.member(i)}, &s)
		switch {
		case apierrors.IsNotFound(err):
			out = append(out, st.engine.member(i)+"."+st.subject.service())
		case err != nil:
			return nil, fmt.Errorf("get the member's service: %w", err)
		default:
			out = append(out, s.Spec.ClusterIP)
		}
	}
	return out, nil
}

func askCassandra(ctx context.Context, st *stage) (quorum.Prober, error) {
	door, err := st.door(ctx)
	if err != nil {
		return nil, err
	}
	return quorum.NewCassandra(door, load.Copies), nil
}

func writeRows(ctx context.Context, st *stage, sc scenario) (writer, error) {
	door, err := st.door(ctx)
	if err != nil {
		return nil, err
	}
	points, err := st.points(ctx)
	if err != nil {
		return nil, err
	}
	return load.NewRows(ctx, door, points, sc.value)
}

func explainedCassandra() string {
	return fmt.Sprintf("## How it is measured\n\n"+
		"- The servers are Apache Cassandra's own, in an image that is made here. See [testing](../testing.md#real-cassandra).\n"+
		"- The *client* is Cassandra's own Go driver. It begins an insert every %s, whatever became of those before, each of a row of its own that has %d "+
		"copies, with the consistency `QUORUM`, from outside of the nodes. It gives each try 5 s, tries a write three times at most, each time at another "+
		"member, and a server that is down again every 3 s; then the write has *failed*.\n"+
		"- *Gap* is the longest time between two acknowledgements from just before the fault to the end; ≥ where none came any more.\n"+
		"- *But lost* are acknowledged rows that are not there at the end, with their values, read by `QUORUM`.\n"+
		"- *All voters back* is when all of this begins to hold, and then holds for %s: as many pods as wanted, all running; the ring exactly these by the word "+
		"of each, by address and identity, with tokens; each answering, and its heartbeat heard by every other; the pods being those asked for.\n"+
		"- *Tolerance* is healthy members less those without which a row may not have two of its three copies, wherever these are: with any number of members "+
		"one may be missed. Less than 0 is no quorum. It was looked at every %s; the lowest counts.\n"+
		"- A *verdict* is given on the Datastore: the target below, nothing lost, all members back, and neither gap nor return more than %s above the tutorial's.\n"+
		"- By hand there is `nodetool decommission` before a member goes, as a careful person does it, and nobody looks after it otherwise: what is *not back* "+
		"stays so until a person comes. The tutorial's servers have no access control; the Datastore's have.\n"+
		"- Not measured: nodes that are machines of their own, disks that are slow, networks that lose some packets, more data than a few thousand rows: what "+
		"joins, leaves or is replaced here has next to nothing to move.\n\n",
		load.Every, load.Copies, hold, quorum.Every, tie)
}
