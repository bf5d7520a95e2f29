// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongosim_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
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

// progress waits for further acknowledged writes.
func (w *writer) progress(t *testing.T) {
	t.Helper()
	before := w.count()
	eventually(t, func() error {
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
	eventually(t, func() error {
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
		if h.server == nil {
			continue
		}
		snapshot := h.server.Look()
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
	for range faults {
		i := random.IntN(3)
		victim, others := hosts[i], []*host{hosts[(i+1)%3], hosts[(i+2)%3]}
		w.progress(t)
		switch kind := random.IntN(5); kind {
		case 0:
			t.Log("kill", victim.address)
			victim.kill()
			seen.look(hosts)
			w.progress(t)
			victim.run()
		case 1:
			t.Log("cut off", victim.address)
			cut(victim, others[0])
			cut(victim, others[1])
			w.progress(t)
			seen.look(hosts)
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
		case 4:
			t.Log("lose the disk of", victim.address)
			victim.kill()
			victim.wipe()
			victim.run()
			// Another loss before this one is made good would be a loss of the majority.
			settled(t, hosts...)
		}
		seen.look(hosts)
	}
	settled(t, hosts...)
	seen.look(hosts)
	w.end()
	if seen.twice != nil {
		t.Error(seen.twice)
	}
	everywhere(t, hosts, w)
	t.Logf("%d writes were acknowledged, %d failed: %v", len(w.acknowledged), len(w.failed), w.failed)
}
