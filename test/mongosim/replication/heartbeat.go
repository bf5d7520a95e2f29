// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package replication

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/test/mongosim/replset"
)

// peer is what is known of another member.
type peer struct {
	host   string
	cancel context.CancelFunc
	// now asks for a heartbeat without delay.
	now      chan struct{}
	up       bool
	since    time.Time
	answer   beatAnswer
	err      error
	beatAt   time.Time
	heardAt  time.Time
	pingTook time.Duration
}

// beat is a heartbeat. It carries the sender's configuration, so that whoever has an older one can install it.
type beat struct {
	Set    string        `bson:"replSetHeartbeat"`
	SetID  bson.ObjectID `bson:"setID"`
	From   string        `bson:"from"`
	State  State         `bson:"state"`
	Config bson.Raw      `bson:"config,omitempty"`
}

// beatAnswer is what a member says of itself.
type beatAnswer struct {
	Set       string        `bson:"set"`
	SetID     bson.ObjectID `bson:"setID"`
	State     State         `bson:"state"`
	RaftTerm  int64         `bson:"raftTerm"`
	Version   int32         `bson:"version"`
	Term      int64         `bson:"term"`
	Config    bson.Raw      `bson:"config,omitempty"`
	HasData   bool          `bson:"hasData"`
	Applied   optime        `bson:"applied"`
	First     uint64        `bson:"first"`
	Committed uint64        `bson:"committed"`
	Electable bool          `bson:"electable"`
	Primary   string        `bson:"primary"`
	Instance  bson.ObjectID `bson:"instance"`
	ElectedAt time.Time     `bson:"electedAt"`
}

// attend starts heartbeats to those in the configuration, and ends those to others.
func (n *Node) attend() {
	wanted := map[string]bool{}
	for i, m := range n.cfg.Members {
		if i == n.self {
			continue
		}
		wanted[m.Host] = true
		if n.peers[m.Host] != nil || n.stopped {
			continue
		}
		ctx, cancel := context.WithCancel(n.alive)
		p := &peer{host: m.Host, cancel: cancel, now: make(chan struct{}, 1), since: time.Now()}
		n.peers[m.Host] = p
		n.work.Go(func() { n.beats(ctx, p) })
	}
	for host, p := range n.peers {
		if !wanted[host] {
			p.cancel()
			delete(n.peers, host)
		}
	}
}

// hurry asks for heartbeats to all at once: something is to be known soon.
func (n *Node) hurry() {
	for _, p := range n.peers {
		select {
		case p.now <- struct{}{}:
		default:
		}
	}
}

func (n *Node) beats(ctx context.Context, p *peer) {
	defer p.cancel()
	for {
		n.beat(ctx, p)
		n.mu.Lock()
		interval := n.cfg.HeartbeatInterval()
		n.mu.Unlock()
		timer := time.NewTimer(interval)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-n.done:
			timer.Stop()
			return
		case <-p.now:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// beat sends one heartbeat and takes in the answer.
func (n *Node) beat(ctx context.Context, p *peer) {
	n.mu.Lock()
	timeout := time.Duration(n.cfg.Settings.HeartbeatTimeoutSecs) * time.Second
	command := n.heartbeat(true)
	n.mu.Unlock()
	var answer beatAnswer
	start := time.Now()
	err := n.call(ctx, timeout, p.host, command, &answer)
	if err == nil && answer.Set != n.options.SetName {
		err = fmt.Errorf("replica set name mismatch: ours is %s, that of %s is %s", n.options.SetName, p.host, answer.Set)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if err == nil && n.foreign(answer.SetID) {
		err = fmt.Errorf("replica set IDs do not match: that of %s is %s", p.host, answer.SetID.Hex())
	}
	if up := err == nil; up != p.up {
		p.up, p.since = up, time.Now()
		n.options.Logf("member %s: %v", p.host, map[bool]any{true: "is up", false: err}[up])
	}
	p.err, p.beatAt, p.pingTook = err, time.Now(), time.Since(start)
	if err == nil {
		p.answer = answer
		n.consider(answer.Config)
		n.measure(answer)
	}
	n.notify()
}

// foreign reports whether an identity is that of another set.
func (n *Node) foreign(id bson.ObjectID) bool {
	return !id.IsZero() && n.cfg != nil && id != n.cfg.Settings.ReplicaSetID
}

// measure finds out whether the primary still has what this member needs next.
func (n *Node) measure(answer beatAnswer) {
	if answer.State != Primary || n.raft == nil {
		return
	}
	last, _ := n.memory.LastIndex()
	if stale := answer.First > last+1; stale != n.stale {
		n.stale = stale
		n.options.Logf("too stale to catch up: %v", stale)
	}
}

// heartbeat is the command that asks a member for its state.
func (n *Node) heartbeat(config bool) bson.D {
	command := bson.D{{Key: "replSetHeartbeat", Value: n.options.SetName}}
	if n.cfg == nil {
		return command
	}
	command = append(command, bson.E{Key: "setID", Value: n.cfg.Settings.ReplicaSetID})
	if n.self >= 0 {
		command = append(command, bson.E{Key: "from", Value: n.cfg.Members[n.self].Host}, bson.E{Key: "state", Value: n.state()})
	}
	if config {
		command = append(command, bson.E{Key: "config", Value: n.cfg})
	}
	return command
}

func (n *Node) call(ctx context.Context, timeout time.Duration, host string, command bson.D, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	defer context.AfterFunc(n.alive, cancel)()
	return n.options.Transport.Call(ctx, host, command, answer)
}

// Heartbeat answers another member's.
func (n *Node) Heartbeat(body bson.Raw) (any, error) {
	var b beat
	if err := bson.Unmarshal(body, &b); err != nil {
		return nil, err
	}
	hasData, err := n.options.Store.HasData()
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	answer := beatAnswer{Set: n.options.SetName, State: n.state(), HasData: hasData, Applied: n.optime(), Instance: n.instance}
	if n.cfg != nil {
		answer.SetID, answer.Version, answer.Term = n.cfg.Settings.ReplicaSetID, n.cfg.Version, n.cfg.Term
		answer.Electable = n.mayStand(time.Now())
	}
	if n.raft != nil {
		status := n.raft.BasicStatus()
		answer.RaftTerm, answer.Committed = int64(status.GetTerm()), status.GetCommit()
		answer.First, _ = n.memory.FirstIndex()
		answer.Primary, answer.ElectedAt = n.primary(), n.electedAt
	}
	if b.Set != n.options.SetName || n.foreign(b.SetID) {
		return answer, nil
	}
	n.hear(b)
	if n.cfg != nil && (b.Config == nil || n.newerThan(b.Config)) {
		answer.Config, err = bson.Marshal(n.cfg)
	}
	n.consider(b.Config)
	return answer, err
}

// hear notes what another member's heartbeat says of it, and asks for the rest where it has changed.
func (n *Node) hear(b beat) {
	p := n.peers[b.From]
	if p == nil {
		return
	}
	p.heardAt = time.Now()
	changed := p.answer.State != b.State
	if c, err := replset.Parse(b.Config); b.Config != nil && err == nil {
		changed = changed || p.answer.Version != c.Version || p.answer.Term != c.Term
	}
	if changed {
		select {
		case p.now <- struct{}{}:
		default:
		}
	}
}

// newerThan reports whether the own configuration is newer than another.
func (n *Node) newerThan(raw bson.Raw) bool {
	c, err := replset.Parse(raw)
	return err == nil && n.cfg.Newer(c)
}

// consider installs a configuration that is newer than the own. Finding oneself in it needs the network, so that is
// done aside.
func (n *Node) consider(raw bson.Raw) {
	if raw == nil || n.stopped {
		return
	}
	c, err := replset.Parse(bytes.Clone(raw))
	if err != nil || c.ID != n.options.SetName || n.foreign(c.Settings.ReplicaSetID) || !c.Newer(n.cfg) {
		return
	}
	n.work.Go(func() {
		self := n.findSelf(n.alive, c)
		n.mu.Lock()
		defer n.mu.Unlock()
		if !n.stopped && !n.foreign(c.Settings.ReplicaSetID) && c.Newer(n.cfg) {
			n.install(c, self)
		}
	})
}
