// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongosim_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/quorate/quorate/test/mongosim/await"
)

// writer inserts numbers one after the other for as long as it runs, each with a deadline, and remembers which of them
// were acknowledged. No number is used twice.
type writer struct {
	mu           sync.Mutex
	acknowledged map[int32]bool
	failed       []error
	stop         context.CancelFunc
	done         sync.WaitGroup
}

func write(t *testing.T, collection *mongo.Collection, first int32) *writer {
	ctx, cancel := context.WithCancel(t.Context())
	w := &writer{acknowledged: map[int32]bool{}, stop: cancel}
	w.done.Go(func() {
		for i := first; ctx.Err() == nil; i++ {
			attempt, cancel := context.WithTimeout(ctx, patience)
			_, err := collection.InsertOne(attempt, bson.D{{Key: "_id", Value: i}})
			cancel()
			w.mu.Lock()
			if err == nil {
				w.acknowledged[i] = true
			} else if ctx.Err() == nil {
				w.failed = append(w.failed, err)
			}
			w.mu.Unlock()
		}
	})
	return w
}

func (w *writer) end() { w.stop(); w.done.Wait() }

func (w *writer) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.acknowledged)
}

// forgive forgets what has failed so far.
func (w *writer) forgive() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failed = nil
}

// progress waits for further acknowledged writes.
func (w *writer) progress(t *testing.T) {
	t.Helper()
	before := w.count()
	await.Until(t, func() error {
		if w.count() < before+3 {
			return errors.New("writes do not go on")
		}
		return nil
	})
}

// numbers are those of the collection on one member.
func (h *host) numbers(database, collection string) (map[int32]bool, error) {
	ctx, cancel := context.WithTimeout(h.t.Context(), 5*time.Second)
	defer cancel()
	cursor, err := h.client().Database(database).Collection(collection).Find(ctx, bson.D{}, options.Find().SetBatchSize(50))
	if err != nil {
		return nil, err
	}
	var docs []struct {
		ID int32 `bson:"_id"`
	}
	if err := cursor.All(ctx, &docs); err != nil {
		return nil, err
	}
	found := map[int32]bool{}
	for _, d := range docs {
		found[d.ID] = true
	}
	return found, nil
}

// everywhere waits until every acknowledged number is on every member, and that all hold the same.
func everywhere(t *testing.T, hosts []*host, w *writer) {
	t.Helper()
	await.Until(t, func() error {
		var first map[int32]bool
		for _, h := range hosts {
			found, err := h.numbers("chaos", "numbers")
			if err != nil {
				return err
			}
			for n := range w.acknowledged {
				if !found[n] {
					return fmt.Errorf("%s has lost %d", h.address, n)
				}
			}
			if first == nil {
				first = found
			}
			if len(found) != len(first) {
				return fmt.Errorf("%s has %d numbers, another %d", h.address, len(found), len(first))
			}
		}
		return nil
	})
}

// primaries watches who says to be primary in which term.
type primaries struct {
	mu    sync.Mutex
	terms map[string]string
	twice error
}

func (p *primaries) look(hosts []*host) {
	for _, h := range hosts {
		h.mu.Lock()
		s := h.server
		h.mu.Unlock()
		if s == nil {
			continue
		}
		snapshot := s.Look()
		if !snapshot.Writable {
			continue
		}
		p.mu.Lock()
		term := strconv.FormatInt(snapshot.Term, 10)
		if other := p.terms[term]; other != "" && other != h.address {
			p.twice = fmt.Errorf("in term %s both %s and %s were primary", term, other, h.address)
		}
		p.terms[term] = h.address
		p.mu.Unlock()
	}
}

// replaceMember removes a member and adds it again under another identity, with its data, until it votes. Somebody else
// may become primary meanwhile, and the set changes its configuration by itself too: what is refused for that is read
// and asked again, as the operator has to.
func replaceMember(t *testing.T, hosts []*host, victim *host) {
	t.Helper()
	change := func(edit func(members bson.A) bson.A) {
		t.Helper()
		await.Until(t, func() error {
			for _, h := range hosts {
				if h == victim || h.state() != 1 {
					continue
				}
				_, err := h.admin(reconfig(h.next(func(_ bson.M, m bson.A) bson.A { return edit(m) })))
				return err
			}
			// The victim leads, and cannot be removed.
			_, _ = victim.admin(stepDown(5, catchUp(1)))
			return errors.New("there is no other primary")
		})
	}
	without := func(members bson.A) (rest bson.A, highest int32) {
		for _, m := range members {
			id, address := m.(bson.D)[0].Value.(int32), m.(bson.D)[1].Value
			highest = max(highest, id)
			if address != victim.address {
				rest = append(rest, m)
			}
		}
		return rest, highest
	}
	change(func(members bson.A) bson.A { rest, _ := without(members); return rest })
	change(func(members bson.A) bson.A {
		rest, highest := without(members)
		return append(rest, member(int(highest)+1, victim))
	})
	await.Until(t, func() error {
		for _, h := range hosts {
			status, err := h.admin(getStatus)
			if err != nil {
				return err
			}
			if n, _ := status.Lookup("votingMembersCount").AsInt64OK(); n != 3 {
				return fmt.Errorf("%d members vote", n)
			}
		}
		return nil
	})
}

// TestNoAcknowledgedWriteIsLost has faults of all kinds at random under a writer. Whatever it was told is written must
// be on every member at the end, and no term may have two primaries. QUORATE_MONGOSIM_FAULTS lengthens it.
func TestNoAcknowledgedWriteIsLost(t *testing.T) {
	t.Parallel()
	faults := 8
	if n, err := strconv.Atoi(os.Getenv("QUORATE_MONGOSIM_FAULTS")); err == nil {
		faults = n
	}
	seed, err := strconv.ParseUint(os.Getenv("QUORATE_MONGOSIM_SEED"), 10, 64)
	if err != nil {
		seed = 1
	}
	random := rand.New(rand.NewPCG(seed, seed))
	hosts := form(t, 3)
	w := write(t, connect(t, uri(hosts)).Database("chaos").Collection("numbers"), 0)
	seen := &primaries{terms: map[string]string{}}
	watching, stop := context.WithCancel(t.Context())
	var watch sync.WaitGroup
	watch.Go(func() {
		for watching.Err() == nil {
			seen.look(hosts)
			time.Sleep(5 * time.Millisecond) // the period of the watch.
		}
	})
	defer func() { stop(); watch.Wait() }()
	for range faults {
		w.progress(t)
		i := random.IntN(3)
		if random.IntN(2) == 0 {
			// Of the primary there is the most to lose.
			i = slices.Index(hosts, settled(t, hosts...))
		}
		victim, others := hosts[i], []*host{hosts[(i+1)%3], hosts[(i+2)%3]}
		switch random.IntN(6) {
		case 0:
			t.Log("kill", victim.address)
			victim.kill()
			w.progress(t)
			victim.run()
		case 1:
			t.Log("cut off", victim.address)
			cut(victim, others[0])
			cut(victim, others[1])
			// Until the others have gone on without it: what it took meanwhile must not have been acknowledged.
			settled(t, others...)
			w.progress(t)
			heal(victim, others[0])
			heal(victim, others[1])
		case 2:
			t.Log("step down")
			for _, h := range hosts {
				_, _ = h.admin(bson.D{{Key: "replSetStepDown", Value: 5}, {Key: "secondaryCatchUpPeriodSecs", Value: 1}})
			}
		case 3:
			t.Log("kill all")
			for _, h := range hosts {
				h.kill()
			}
			for _, h := range hosts {
				h.run()
			}
			// Drivers try a write again once, which does not help here.
			settled(t, hosts...)
			w.progress(t)
			w.forgive()
		case 4:
			t.Log("lose the disk of", victim.address)
			victim.kill()
			victim.wipe()
			victim.run()
			// Another loss before this one is made good would be a loss of the majority.
			settled(t, hosts...)
		case 5:
			t.Log("remove and add", victim.address)
			replaceMember(t, hosts, victim)
		}
	}
	settled(t, hosts...)
	w.end()
	stop()
	watch.Wait()
	if seen.twice != nil {
		t.Error(seen.twice)
	}
	everywhere(t, hosts, w)
	if len(w.failed) > 0 {
		t.Errorf("%d writes failed, which a driver that tries again should not see: %v", len(w.failed), w.failed)
	}
	t.Logf("%d writes were acknowledged", len(w.acknowledged))
}
