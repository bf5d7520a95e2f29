// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package replication

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/test/mongosim/code"
	"github.com/quorate/quorate/test/mongosim/store"
)

// copyLife is how long a copy is kept that nobody asks for.
const copyLife = 5 * time.Minute

// copies are the data that members are copying from this one.
type copies struct {
	mu   sync.Mutex
	open map[bson.ObjectID]*openCopy
}

type openCopy struct {
	parts []store.Part
	used  time.Time
}

func (c *copies) add(parts []store.Part) bson.ObjectID {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open == nil {
		c.open = map[bson.ObjectID]*openCopy{}
	}
	for id, old := range c.open {
		if time.Since(old.used) > copyLife {
			delete(c.open, id)
		}
	}
	id := bson.NewObjectID()
	c.open[id] = &openCopy{parts: parts, used: time.Now()}
	return id
}

func (c *copies) part(id bson.ObjectID, i int) (store.Part, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	open := c.open[id]
	if open == nil || i < 0 || i >= len(open.parts) {
		return store.Part{}, false
	}
	open.used = time.Now()
	if i == len(open.parts)-1 {
		delete(c.open, id)
	}
	return open.parts[i], true
}

// copyAnswer begins a copy.
type copyAnswer struct {
	ID    bson.ObjectID  `bson:"id"`
	Parts int            `bson:"parts"`
	At    store.Position `bson:"at"`
	Term  int64          `bson:"term"`
	FCV   string         `bson:"fcv"`
}

// BeginCopy lets another member copy the data of this one. The copy is of no earlier place than the end of the log when
// it was asked for: that way the other has whatever it may have acknowledged before it lost its data.
func (n *Node) BeginCopy(ctx context.Context) (any, error) {
	n.mu.Lock()
	if n.raft == nil {
		n.mu.Unlock()
		return nil, code.Errorf(code.NotPrimaryOrSecondary, "this member has no data itself")
	}
	last, _ := n.memory.LastIndex()
	n.mu.Unlock()
	if err := n.await(ctx, func() bool { return n.raft == nil || n.applied.Index >= last }); err != nil {
		return nil, err
	}
	parts, at, err := n.options.Store.Copy()
	if err != nil {
		return nil, err
	}
	fcv, err := n.options.Store.FCV()
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.raft == nil || at.Index < last {
		return nil, code.Errorf(code.NotPrimaryOrSecondary, "this member has lost its data")
	}
	return copyAnswer{ID: n.copies.add(parts), Parts: len(parts), At: at, Term: int64(n.raft.BasicStatus().GetTerm()), FCV: fcv}, nil
}

// partAnswer is one part, and how far the source has committed by then.
type partAnswer struct {
	Part      store.Part `bson:"part"`
	Committed uint64     `bson:"committed"`
}

// CopyPart gives a part of a copy.
func (n *Node) CopyPart(id bson.ObjectID, i int) (any, error) {
	part, ok := n.copies.part(id, i)
	if !ok {
		return nil, code.Errorf(code.CursorNotFound, "there is no such copy, or no longer")
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	answer := partAnswer{Part: part}
	if n.raft != nil {
		answer.Committed = n.raft.BasicStatus().GetCommit()
	}
	return answer, nil
}

// fill copies another member's data, in the background and until it has succeeded.
func (n *Node) fill() {
	if n.filling || n.stopped {
		return
	}
	n.filling = true
	n.work.Go(func() {
		said := ""
		for {
			err := n.tryFill()
			if err == nil {
				return
			}
			if err.Error() != said {
				said = err.Error()
				n.options.Logf("initial sync: %s", said)
			}
			select {
			case <-n.done:
				return
			case <-time.After(n.retryFill()):
			}
		}
	})
}

func (n *Node) retryFill() time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	return min(n.cfg.HeartbeatInterval()/2, time.Second)
}

var errNoSource = errors.New("there is no member to copy from yet")

// source picks whom to copy from, and the highest term that any member knows of.
func (n *Node) source() (host string, term int64, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.self < 0 {
		return "", 0, errors.New("not in the configuration")
	}
	founder, reached := "", 0
	for host, p := range n.peers {
		if !p.up {
			continue
		}
		reached++
		term = max(term, p.answer.RaftTerm)
		if p.answer.State == Primary {
			return host, n.highestTerm(), nil
		}
		if p.answer.State == Secondary && p.answer.RaftTerm == 0 {
			founder = host
		}
	}
	// Only where every member says that there never was an election is this the beginning of a set.
	if founder != "" && term == 0 && reached == len(n.cfg.Members)-1 {
		return founder, 0, nil
	}
	return "", 0, errNoSource
}

func (n *Node) highestTerm() (term int64) {
	for _, p := range n.peers {
		term = max(term, p.answer.RaftTerm)
	}
	return term
}

func (n *Node) tryFill() error {
	host, term, err := n.source()
	if err != nil {
		return err
	}
	var begun copyAnswer
	if err := n.call(n.alive, 30*time.Second, host, bson.D{{Key: "replSetBeginCopy", Value: 1}}, &begun); err != nil {
		return err
	}
	if begun.FCV != "" && !slices.Contains(n.options.AcceptedFCV, begun.FCV) {
		return fmt.Errorf("the data of %s has featureCompatibilityVersion %s, which this binary does not take", host, begun.FCV)
	}
	n.options.Logf("initial sync from %s", host)
	if err := n.options.Store.BeginSync(); err != nil {
		return err
	}
	committed := begun.At.Index
	for i := range begun.Parts {
		var answer partAnswer
		command := bson.D{{Key: "replSetCopyPart", Value: begun.ID}, {Key: "part", Value: i}}
		if err := n.call(n.alive, 30*time.Second, host, command, &answer); err != nil {
			return err
		}
		if err := n.addPart(answer.Part); err != nil {
			return err
		}
		committed = answer.Committed
	}
	return n.filled(begun.At, uint64(max(term, begun.Term)), committed)
}

// addPart writes a part, no faster than the fault switch allows.
func (n *Node) addPart(part store.Part) error {
	all := part.Pairs
	for len(all) > 0 {
		size := len(all)
		if rate := n.options.SyncRate(); rate > 0 {
			size = min(size, max(1, rate/10))
			select {
			case <-n.done:
				return errStopped
			case <-time.After(time.Duration(size) * time.Second / time.Duration(rate)):
			}
		}
		if err := n.options.Store.AddPart(store.Part{Namespace: part.Namespace, Pairs: all[:size]}); err != nil {
			return err
		}
		all = all[size:]
	}
	if len(part.Pairs) == 0 {
		return n.options.Store.AddPart(part)
	}
	return nil
}

// filled makes the copy the member's data and lets it take part.
func (n *Node) filled(at store.Position, term, committed uint64) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.self < 0 || n.stopped {
		n.filling = false
		return nil
	}
	term = max(term, uint64(n.highestTerm()))
	if err := n.options.Store.EndSync(at, term, n.raftID()); err != nil {
		return err
	}
	n.filling, n.catchUpTo = false, committed
	n.begin()
	n.hurry()
	n.notify()
	return nil
}
