// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongosim_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/test/mongosim/await"
	"github.com/quorate/quorate/test/mongosim/code"
)

// current is the configuration as a client sees it.
func (h *host) current(user ...string) bson.M {
	h.t.Helper()
	var answer struct {
		Config bson.M `bson:"config"`
	}
	if err := bson.Unmarshal(must(h.t)(h.admin(bson.D{{Key: "replSetGetConfig", Value: 1}}, user...)), &answer); err != nil {
		h.t.Fatal(err)
	}
	return answer.Config
}

// next is the current configuration with a version more, changed.
func (h *host) next(change func(c bson.M, members bson.A) bson.A) bson.M {
	h.t.Helper()
	c := h.current()
	c["version"] = c["version"].(int32) + 1
	c["members"] = change(c, c["members"].(bson.A))
	return c
}

func reconfig(c bson.M, more ...bson.E) bson.D {
	return append(bson.D{{Key: "replSetReconfig", Value: c}, {Key: "maxTimeMS", Value: 10000}}, more...)
}

func member(id int, h *host) bson.D {
	return bson.D{{Key: "_id", Value: id}, {Key: "host", Value: h.address}}
}

// edited is a member with a field changed.
func edited(m any, field string, value any) bson.D {
	d := slices.Clone(m.(bson.D))
	for i := range d {
		if d[i].Key == field {
			d[i].Value = value
			return d
		}
	}
	return append(d, bson.E{Key: field, Value: value})
}

func TestReconfigRefusals(t *testing.T) {
	t.Parallel()
	uninitialized := start(t)
	_, err := uninitialized.admin(reconfig(config(uninitialized)))
	wantCode(t, err, code.NotYetInitialized)

	hosts := form(t, 3)
	primary := settled(t, hosts...)
	extra := []*host{start(t), start(t)}
	var secondary *host
	own := 0
	for i, h := range hosts {
		if h == primary {
			own = i
		} else {
			secondary = h
		}
	}
	same := func(_ bson.M, m bson.A) bson.A { return m }
	_, err = secondary.admin(reconfig(secondary.next(same)))
	wantCode(t, err, code.NotWritablePrimary)

	for name, test := range map[string]struct {
		want   code.Code
		change func(c bson.M, m bson.A) bson.A
	}{
		"set name":    {code.InvalidReplicaSetConfig, func(c bson.M, m bson.A) bson.A { c["_id"] = "else"; return m }},
		"newly added": {code.InvalidReplicaSetConfig, func(_ bson.M, m bson.A) bson.A { return append(m, edited(member(9, extra[0]), "newlyAdded", true)) }},
		"same version": {code.ConfigIncompatible, func(c bson.M, m bson.A) bson.A {
			c["version"] = c["version"].(int32) - 1
			return m
		}},
		"host with another identity": {code.ConfigIncompatible, func(_ bson.M, m bson.A) bson.A {
			m[(own+1)%3] = edited(m[(own+1)%3], "_id", 77)
			return m
		}},
		"arbiter": {code.ConfigIncompatible, func(_ bson.M, m bson.A) bson.A {
			m[(own+1)%3] = edited(edited(m[(own+1)%3], "arbiterOnly", true), "priority", 0)
			return m
		}},
		"identity of the set": {code.ConfigIncompatible, func(c bson.M, m bson.A) bson.A {
			c["settings"] = bson.M{"replicaSetId": bson.NewObjectID()}
			return m
		}},
		"two voters more": {code.ConfigIncompatible, func(_ bson.M, m bson.A) bson.A {
			return append(m, member(8, extra[0]), member(9, extra[1]))
		}},
		"two voters fewer": {code.ConfigIncompatible, func(_ bson.M, m bson.A) bson.A { return bson.A{m[own]} }},
		"priority without a vote": {code.ConfigIncompatible, func(_ bson.M, m bson.A) bson.A {
			m[(own+1)%3] = edited(m[(own+1)%3], "votes", 0)
			return m
		}},
		"without itself": {code.NodeNotFound, func(_ bson.M, m bson.A) bson.A { return slices.Delete(m, own, own+1) }},
		"itself not electable": {code.NodeNotElectable, func(_ bson.M, m bson.A) bson.A {
			m[own] = edited(m[own], "priority", 0)
			return m
		}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := primary.admin(reconfig(primary.next(test.change)))
			wantCode(t, err, test.want)
		})
	}
}

// TestReconfigNeedsAMajority: without one the current configuration is not committed, and the new one has no quorum.
func TestReconfigNeedsAMajority(t *testing.T) {
	t.Parallel()
	primary := form(t, 1)[0]
	gone := start(t)
	gone.kill()
	_, err := primary.admin(reconfig(primary.next(func(_ bson.M, m bson.A) bson.A { return append(m, member(1, gone)) })))
	if err != nil {
		t.Fatalf("one new voter that is silent does not count until it has caught up: %v", err)
	}
	// As a forced voter it counts at once.
	forced := primary.next(func(_ bson.M, m bson.A) bson.A { return bson.A{m[0]} })
	must(t)(primary.admin(reconfig(forced, bson.E{Key: "force", Value: true})))
	settled(t, primary)
	two := primary.next(func(_ bson.M, m bson.A) bson.A { return append(m, member(1, gone)) })
	must(t)(primary.admin(reconfig(two, bson.E{Key: "force", Value: true})))
	_, err = primary.admin(reconfig(primary.next(func(_ bson.M, m bson.A) bson.A { return m })))
	wantCode(t, err, code.NotWritablePrimary)
}

// TestACommitmentIsWaitedForNoLongerThanAsked: a member that never takes a configuration is given its vote, and from
// then on none is committed.
func TestACommitmentIsWaitedForNoLongerThanAsked(t *testing.T) {
	t.Parallel()
	primary := form(t, 1)[0]
	mute := bson.D{{Key: "_id", Value: 1}, {Key: "host", Value: talker(t)}}
	must(t)(primary.admin(reconfig(primary.next(func(_ bson.M, m bson.A) bson.A { return append(m, mute) }))))
	await.Until(t, func() error {
		if v := primary.current()["version"]; v != int32(3) {
			return fmt.Errorf("version is %v", v)
		}
		return nil
	})
	_, err := primary.admin(bson.D{{Key: "replSetReconfig", Value: primary.next(func(_ bson.M, m bson.A) bson.A { return m })}, {Key: "maxTimeMS", Value: 300}})
	wantCode(t, err, code.ConfigNotCommittedYet)
}

func TestOneReconfigAtATime(t *testing.T) {
	t.Parallel()
	primary := form(t, 1)[0]
	// The quorum check of the first waits for a member that does not answer.
	silent := bson.D{{Key: "_id", Value: 1}, {Key: "host", Value: listenOnly(t)}}
	first := primary.next(func(_ bson.M, m bson.A) bson.A { return append(m, silent) })
	// The second would be refused for its version, were there not the first.
	second := primary.current()
	client, done := primary.client(), make(chan error, 1)
	go func() {
		_, err := client.Database("admin").RunCommand(context.Background(), reconfig(first)).Raw()
		done <- err
	}()
	for {
		_, err := primary.admin(reconfig(second))
		var coded interface{ HasErrorCode(int) bool }
		if errors.As(err, &coded) && coded.HasErrorCode(int(code.ConfigInProgress)) {
			break
		}
		wantCode(t, err, code.ConfigIncompatible)
		select {
		case err := <-done:
			t.Fatalf("the first ended before the second was refused for it: %v", err)
		default:
		}
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestAMemberIsAddedAndRemoved: it votes only once it has caught up, which the set itself writes into the
// configuration; removed, it says so.
func TestAMemberIsAddedAndRemoved(t *testing.T) {
	t.Parallel()
	primary := form(t, 1)[0]
	if _, err := primary.client().Database("a").Collection("b").InsertOne(t.Context(), bson.D{{Key: "_id", Value: 1}}); err != nil {
		t.Fatal(err)
	}
	added := start(t, withParam("mongosimInitialSyncDocsPerSecond", "1"))
	// It never leads: where the processor is busy the two may miss each other's word
	// for a while, and what follows is asked of the one that was there first.
	follower := func(id int) bson.D { return edited(member(id, added), "priority", 0) }
	c := primary.next(func(_ bson.M, m bson.A) bson.A { return append(m, follower(5)) })
	must(t)(primary.admin(reconfig(c)))
	status := must(t)(primary.admin(getStatus))
	if n, _ := status.Lookup("votingMembersCount").AsInt64OK(); n != 1 {
		t.Errorf("%d members vote while the new one catches up", n)
	}
	if shown := primary.current()["members"].(bson.A)[1]; fmt.Sprint(shown) != fmt.Sprint(edited(shown, "votes", int32(1))) {
		t.Errorf("the new member is shown as %v", shown)
	}
	await.Until(t, func() error {
		if got, want := primary.current()["version"], c["version"].(int32)+1; got != want {
			return fmt.Errorf("version is %v, want %d by the server's own change", got, want)
		}
		return nil
	})
	settled(t, primary, added)
	if n, err := added.client().Database("a").Collection("b").CountDocuments(t.Context(), bson.D{}); err != nil || n != 1 {
		t.Errorf("the new member has %d documents, %v", n, err)
	}
	await.Until(t, func() error { // once it leads, if it had to be elected anew
		_, err := primary.admin(reconfig(primary.next(func(_ bson.M, m bson.A) bson.A { return m[:1] })))
		return err
	})
	await.Until(t, func() error {
		_, err := added.admin(getStatus)
		var coded interface{ HasErrorCode(int) bool }
		if !errors.As(err, &coded) || !coded.HasErrorCode(int(code.InvalidReplicaSetConfig)) {
			return fmt.Errorf("the removed member's status: %w", err)
		}
		return nil
	})
	// It comes back under another identity.
	must(t)(primary.admin(reconfig(primary.next(func(_ bson.M, m bson.A) bson.A { return append(m, follower(6)) }))))
	settled(t, primary, added)
}

// TestForceMakesASurvivorTheSet: with the majority gone for good, the one that is left goes on alone and keeps what was
// written.
func TestForceMakesASurvivorTheSet(t *testing.T) {
	t.Parallel()
	hosts := form(t, 3)
	if _, err := connect(t, uri(hosts)).Database("a").Collection("b").InsertOne(t.Context(), bson.D{{Key: "_id", Value: 1}}); err != nil {
		t.Fatal(err)
	}
	survivor := hosts[2]
	await.Until(t, func() error {
		found, err := survivor.numbers("a", "b")
		if err == nil && len(found) != 1 {
			err = errors.New("not replicated yet")
		}
		return err
	})
	hosts[0].kill()
	hosts[1].kill()
	before := survivor.current()["version"].(int32)
	alone := survivor.next(func(_ bson.M, m bson.A) bson.A { return m[2:] })
	must(t)(survivor.admin(reconfig(alone, bson.E{Key: "force", Value: true})))
	settled(t, survivor)
	if after := survivor.current()["version"].(int32); after < before+10000 {
		t.Errorf("the version was %d and is %d", before, after)
	}
	if found, err := survivor.numbers("a", "b"); err != nil || len(found) != 1 {
		t.Errorf("has %v, %v", found, err)
	}
	// The others come back, and are no set of their own.
	hosts[0].run()
	hosts[1].run()
	for _, h := range hosts[:2] {
		await.Until(t, func() error {
			hello, err := h.admin(bson.D{{Key: "hello", Value: 1}})
			if err == nil && hello.Lookup("me").Type != 0 {
				err = fmt.Errorf("an old member takes itself for one still: %s", hello)
			}
			return err
		})
	}
}
