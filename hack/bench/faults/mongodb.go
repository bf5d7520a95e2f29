// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"golang.org/x/sys/unix"

	"github.com/quorate/quorate/hack/bench/load"
	"github.com/quorate/quorate/hack/bench/manifests"
	"github.com/quorate/quorate/hack/bench/quorum"
	"github.com/quorate/quorate/hack/dial"
	"github.com/quorate/quorate/hack/target"
)

// mongodb is measured with what any engine is, and besides with a process that is
// frozen and with members that get their data slowly.
func mongodb() *engine {
	e := &engine{
		key: "mongodb", name: "MongoDB (the double of test/mongosim, and not its own server)",
		set: manifests.NameMongoDB, older: "7.0", newer: "8.0",
		tutorial:  byHandMongoDB{},
		datastore: operated{manifest: manifests.DatastoreMongoDB(), set: manifests.NameMongoDB, secret: "uri"},
		replaced:  podsRenewed(1), handOver: stepDown, prober: askMongoDB, client: writeDocuments,
		target: "make bench-faults ENGINE=mongodb", report: "docs/benchmarks/faults-mongodb.md", explained: explainedMongoDB,
	}
	e.scenarios = func() []scenario {
		out := append(e.losses(), e.frozen())
		out = append(append(append(out, e.changes()...), e.slowSync()), e.outages()...)
		for i := range out {
			out[i].target = e.goalOf(out[i])
		}
		return out
	}
	return e
}

// goalOf is what is asked where MongoDB differs: its servers go on answering for 15 s
// after they were told to stop, so that nothing is back soon, and elect after 10 s of
// silence.
func (e *engine) goalOf(sc scenario) goal {
	g := sc.target
	g.back = 0
	switch sc.name {
	case "leader-killed", "leader-frozen":
		g.gap = 15 * time.Second
	case "leader-deleted":
		g.gap = 2 * time.Second
	}
	if g.oneAway {
		g.gap = 2 * time.Second
	}
	return g
}

// freezeTime is for how long a process is frozen: long enough for an election.
const freezeTime = 30 * time.Second

func (e *engine) frozen() scenario {
	return scenario{
		name: "leader-frozen", title: "leader's process frozen for 30 s", counts: "its going on", setup: e.three(), machine: true,
		apply: freezeLeader, untouched: true,
	}
}

func freezeLeader(ctx context.Context, st *stage) error {
	m, err := st.leader()
	if err != nil {
		return err
	}
	if err := st.machines.Signal(m.Node, m.Container, unix.SIGSTOP); err != nil {
		return fmt.Errorf("freeze the leader: %w", err)
	}
	waited := rest(ctx, freezeTime)
	st.from()
	if err := st.machines.Signal(m.Node, m.Container, unix.SIGCONT); err != nil {
		return fmt.Errorf("let the leader go on: %w", err)
	}
	return waited
}

// slowSync has the double copy fewer documents a second than there are, so that a
// new member is not to be counted on for a while.
func (e *engine) slowSync() scenario {
	s := e.three()
	s.env = map[string]string{"MONGOSIM_PARAMETERS": "mongosimInitialSyncDocsPerSecond=20"}
	return scenario{name: "3-to-5-slowly", title: "3 → 5 with a slow initial sync", setup: s, want: 5, apply: scaleTo(5), target: planned}
}

// reached is the address of the set for a client, and what finds its servers.
func (st *stage) reached(ctx context.Context) (string, dial.Dialer, error) {
	address, err := st.subject.token(ctx, st)
	if err != nil {
		return "", nil, err
	}
	names, err := st.names(ctx)
	return address, names, err
}

// names finds servers by the names that they have for each other, which of the
// tutorial's are good in their namespace only.
func (st *stage) names(ctx context.Context) (dial.Dialer, error) {
	if err := st.caller(ctx); err != nil {
		return nil, err
	}
	names, err := dial.New(ctx, st.Target, st.namespace, "client")
	if err != nil {
		return nil, fmt.Errorf("reach the servers: %w", err)
	}
	return within{names, st.namespace}, nil
}

// caller starts the pod that servers are called by way of, where they are not at
// their own addresses.
func (st *stage) caller(ctx context.Context) error {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.Kind == target.Local || st.called {
		return nil
	}
	for _, args := range [][]string{{"apply", "-f", "hack/demo/client.yaml"}, {"wait", "--for=condition=Ready", "pod/client", "--timeout=60s"}} {
		if err := st.Kubectl(ctx, append([]string{"-n", st.namespace}, args...)...); err != nil {
			return fmt.Errorf("start a pod to call servers from: %w", err)
		}
	}
	st.called = true
	return nil
}

// within completes names of one namespace.
type within struct {
	dial.Dialer
	namespace string
}

// DialContext implements dial.Dialer.
func (w within) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	if net.ParseIP(host) == nil && !strings.Contains(host, ".svc") {
		host += "." + w.namespace + ".svc.cluster.local"
	}
	return w.Dialer.DialContext(ctx, network, net.JoinHostPort(host, port))
}

func askMongoDB(ctx context.Context, st *stage) (quorum.Prober, error) {
	address, names, err := st.reached(ctx)
	if err != nil {
		return nil, err
	}
	return quorum.NewMongoDB(address, names), nil
}

func writeDocuments(ctx context.Context, st *stage, sc scenario) (writer, error) {
	address, names, err := st.reached(ctx)
	if err != nil {
		return nil, err
	}
	return load.NewDocuments(address, names, sc.value)
}

// stepDown has the leader hand over to whom it chooses.
func stepDown(ctx context.Context, st *stage, _ quorum.Member, _ string) error {
	return st.command(ctx, "", nil, bson.D{{Key: "replSetStepDown", Value: 60}, {Key: "secondaryCatchUpPeriodSecs", Value: 10}})
}

// command runs one on the primary, or on the host that is named.
func (st *stage) command(ctx context.Context, host string, into any, command bson.D) error {
	address, names, err := st.reached(ctx)
	if err != nil {
		return err
	}
	o := options.Client().ApplyURI(address).SetDialer(names).SetTimeout(20 * time.Second)
	if host != "" {
		o.SetHosts([]string{host}).SetDirect(true)
		o.ReplicaSet = nil
	}
	c, err := mongo.Connect(o)
	if err != nil {
		return fmt.Errorf("connect to the set: %w", err)
	}
	defer func() {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = c.Disconnect(late)
	}()
	result := c.Database("admin").RunCommand(ctx, command)
	if err = result.Err(); err == nil && into != nil {
		err = result.Decode(into)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", command[0].Key, err)
	}
	return nil
}

func explainedMongoDB() string {
	return fmt.Sprintf("## How it is measured\n\n"+
		"- **The servers are a double of MongoDB's**, `test/mongosim`, in both columns: the figures say how operator and client deal with servers that "+
		"keep to MongoDB's rules and times, and nothing of how fast MongoDB is. See [testing](../testing.md#the-double-of-mongodb).\n"+
		"- The *client* is MongoDB's own Go driver. It begins an insert every %s, whatever became of those before, each of a document of its own and with the "+
		"write concern majority, from outside of the nodes. It tries again by itself, for 30 s at most; then the write has *failed*. It notices a server that "+
		"is frozen after 3 s. A write for which it was just opening a connection to a server that froze it does not try elsewhere: these fail.\n"+
		"- *Gap* is the longest time between two acknowledgements from just before the fault to the end; ≥ where none came any more.\n"+
		"- *But lost* are acknowledged documents that are not there at the end, with their values, read with the read concern majority.\n"+
		"- *All voters back* is when all of this begins to hold, and then holds for %s: as many pods as wanted, all running; the set's configuration exactly "+
		"these, by name and number, each with a vote; each healthy in the primary's eyes, answering, and following a primary; the pods or versions being "+
		"those asked for. A server that is told to stop goes on answering for 15 s, as MongoDB's own does, which is in every figure that has a pod deleted.\n"+
		"- *Tolerance* is healthy voters less a majority of the voters in the configuration; less than 0 is no quorum. It was looked at every %s; the lowest "+
		"counts.\n"+
		"- A *verdict* is given on the Datastore: the target below, nothing lost, all voters back, and neither gap nor return more than %s above the tutorial's.\n"+
		"- By hand there is `rs.initiate` at the beginning, `rs.add` after the pods are there and `rs.remove` before they go, as a careful person does it and "+
		"faster. There is neither key file nor access control; the Datastore has both. Nobody looks after it otherwise: what is *not back* stays so until a "+
		"person comes.\n"+
		"- Not measured: nodes that are machines of their own, disks that are slow, networks that lose some packets, MongoDB itself.\n\n",
		load.Every, hold, quorum.Every, tie)
}
