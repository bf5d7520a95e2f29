// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package replication

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"go.etcd.io/raft/v3"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/test/mongosim/replset"
	"github.com/quorate/quorate/test/mongosim/store"
)

// Transport reaches other members by their host and port.
type Transport interface {
	// Call runs an internal command on a member and reads its answer.
	Call(ctx context.Context, host string, command bson.D, answer any) error
	// Post sends a command that nobody answers; it may be lost.
	Post(host string, command bson.D)
}

// Options are what a member is started with.
type Options struct {
	SetName   string
	Store     *store.Store
	Transport Transport
	// Self reports whether a host of a configuration is this process without asking the network.
	Self func(host string) bool
	// LatestFCV and AcceptedFCV are those of the binary.
	LatestFCV   string
	AcceptedFCV []string
	// Logf writes a line to the log.
	Logf func(format string, args ...any)
	// Fatal ends the process: the disk failed.
	Fatal func(error)
	// SyncRate is how many documents an initial sync takes in a second; 0 is no bound.
	SyncRate func() int
	// LogEntries is how long the log may become.
	LogEntries uint64
}

// Node is one member.
type Node struct {
	options  Options
	instance bson.ObjectID
	copies   copies

	mu      sync.Mutex
	changed chan struct{}
	kick    chan struct{}
	done    chan struct{}
	// alive ends with the member.
	alive   context.Context
	end     context.CancelFunc
	stopped bool
	work    sync.WaitGroup

	cfg  *replset.Config
	self int
	// looked says that this process has been looked for in the configuration.
	looked  bool
	peers   map[string]*peer
	selfAt  map[string]bool
	raft    *raft.RawNode
	memory  *memory
	applied store.Position

	writable     bool
	electedAt    time.Time
	transferring bool
	changing     bool
	committedAt  uint64
	installed    time.Time
	filling      bool
	stale        bool
	catchUpTo    uint64
	frozenUntil  time.Time
	lastContact  time.Time
	patience     time.Duration
	takeoverAt   time.Time
	lastNoop     time.Time
	waiting      map[bson.ObjectID]chan store.Result
	topology     topology
}

// memory is Raft's view of the log. Snapshots are never sent through Raft: a member without data copies it, and one
// that lags too far is stale.
type memory struct {
	*raft.MemoryStorage
}

// New makes the member of what its store holds.
func New(options Options) (*Node, error) {
	n := &Node{
		options: options, instance: bson.NewObjectID(), self: -1, changed: make(chan struct{}), kick: make(chan struct{}, 1),
		done: make(chan struct{}), peers: map[string]*peer{}, selfAt: map[string]bool{}, waiting: map[bson.ObjectID]chan store.Result{},
		topology: topology{process: bson.NewObjectID()}, lastContact: time.Now(),
	}
	n.alive, n.end = context.WithCancel(context.Background())
	raw, err := options.Store.Config()
	if err != nil {
		return nil, fmt.Errorf("reading the kept configuration: %w", err)
	}
	if raw == nil {
		return n, nil
	}
	if n.cfg, err = replset.Parse(raw); err != nil {
		return nil, fmt.Errorf("reading the kept configuration: %w", err)
	}
	return n, nil
}

// Start lets it take part.
func (n *Node) Start() {
	n.work.Go(n.pump)
	n.work.Go(n.ticks)
	n.work.Go(n.searches)
	if n.cfg == nil {
		return
	}
	n.work.Go(n.search)
}

// Stop ends it at once, as a crash would: nothing is handed over.
func (n *Node) Stop() {
	n.mu.Lock()
	if n.stopped {
		n.mu.Unlock()
		return
	}
	n.stopped = true
	close(n.done)
	n.end()
	n.resign()
	n.notify()
	n.mu.Unlock()
	n.work.Wait()
}

// begin makes the member take part in the consensus, if it is in the configuration and has data.
func (n *Node) begin() {
	if n.self < 0 || n.stopped {
		return
	}
	log, err := n.options.Store.LoadLog()
	if err != nil {
		n.options.Fatal(err)
		return
	}
	if log.Empty {
		n.fill()
		return
	}
	n.memory, n.applied = &memory{log.Memory}, log.Applied
	n.open()
}

// open starts Raft on the log in memory.
func (n *Node) open() {
	node, err := raft.NewRawNode(&raft.Config{
		ID: n.raftID(), ElectionTick: electionTicks, HeartbeatTick: 1, Storage: &view{n.memory, conf(n.cfg)},
		Applied: n.applied.Index, MaxSizePerMsg: 1 << 20, MaxInflightMsgs: 256, CheckQuorum: true, PreVote: true,
		StepDownOnRemoval: true, DisableProposalForwarding: true, Logger: quiet{},
	})
	if err != nil {
		n.options.Fatal(fmt.Errorf("starting the consensus: %w", err))
		return
	}
	n.raft = node
	n.lastContact, n.patience = time.Now(), n.draw()
	if n.cfg.Voters() == 1 {
		n.lastContact = time.Time{} // there is nobody to wait for.
	}
	n.poke()
}

// resign ends what only a primary has.
func (n *Node) resign() {
	n.writable, n.transferring = false, false
	for id, result := range n.waiting {
		close(result)
		delete(n.waiting, id)
	}
}

// draw is how much longer than the election timeout this member waits before it stands.
func (n *Node) draw() time.Duration {
	step := n.cfg.ElectionTimeout() / electionTicks
	return step + rand.N(3*step+time.Millisecond)
}

// raftID is how Raft knows the member: never 0.
func (n *Node) raftID() uint64 { return uint64(n.cfg.Members[n.self].ID) + 1 }

// notify wakes all who wait for something to change.
func (n *Node) notify() {
	before := n.topology.shape.state
	n.topology.note(n.shape())
	if n.topology.shape.state != before {
		n.hurry()
	}
	close(n.changed)
	n.changed = make(chan struct{})
}

func (n *Node) poke() {
	select {
	case n.kick <- struct{}{}:
	default:
	}
}

// await returns once the condition holds, which is asked under the lock, or with the context's error.
func (n *Node) await(ctx context.Context, condition func() bool) error {
	for {
		n.mu.Lock()
		met, changed := condition(), n.changed
		n.mu.Unlock()
		if met {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		case <-n.done:
			return errStopped
		}
	}
}
