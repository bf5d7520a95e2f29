// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongosim_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/test/mongosim/await"
	"github.com/quorate/quorate/test/mongosim/code"
)

func (h *host) setParameter(name string, value any) {
	h.t.Helper()
	must(h.t)(h.admin(bson.D{{Key: "setParameter", Value: 1}, {Key: name, Value: value}}))
}

func (h *host) state() int64 {
	status, err := h.admin(getStatus)
	if err != nil {
		return -1
	}
	state, _ := status.Lookup("myState").AsInt64OK()
	return state
}

// TestAnInitialSyncCanBeSlow: as long as it runs the member is STARTUP2 and shows nothing.
func TestAnInitialSyncCanBeSlow(t *testing.T) {
	t.Parallel()
	hosts := form(t, 3)
	c := connect(t, uri(hosts)).Database("a").Collection("c")
	docs := make([]any, 50)
	for i := range docs {
		docs[i] = bson.D{{Key: "_id", Value: i}}
	}
	if _, err := c.InsertMany(t.Context(), docs); err != nil {
		t.Fatal(err)
	}
	var lost *host
	for _, h := range hosts {
		if h != settled(t, hosts...) {
			lost = h
		}
	}
	lost.kill()
	lost.wipe()
	lost.options.Parameters["mongosimInitialSyncDocsPerSecond"] = "2"
	lost.run()
	await.Until(t, func() error {
		if s := lost.state(); s != 5 {
			return fmt.Errorf("state %d", s)
		}
		return nil
	})
	_, err := lost.client().Database("a").Collection("c").CountDocuments(t.Context(), bson.D{})
	wantCode(t, err, code.NotPrimaryOrSecondary)
	if s := lost.state(); s != 5 {
		t.Errorf("state %d after a moment", s)
	}
	// Killed on the way it begins anew, and the switch lets it end.
	lost.kill()
	lost.run()
	lost.setParameter("mongosimInitialSyncDocsPerSecond", 0)
	settled(t, hosts...)
	if found, err := lost.numbers("a", "c"); err != nil || len(found) != len(docs) {
		t.Errorf("has %d documents, %v", len(found), err)
	}
}

// TestDelayedHeartbeatsCostThePrimaryItsPlace: what it sends comes too late.
func TestDelayedHeartbeatsCostThePrimaryItsPlace(t *testing.T) {
	t.Parallel()
	hosts := form(t, 3)
	primary := settled(t, hosts...)
	primary.setParameter("mongosimPeerDelayMillis", 4*electionTimeout)
	await.Until(t, func() error {
		for _, h := range hosts {
			if h != primary && h.state() == 1 {
				return nil
			}
		}
		return errors.New("nobody took its place")
	})
	primary.setParameter("mongosimPeerDelayMillis", 0)
	settled(t, hosts...)
}

// TestAPrimaryCutOffStepsDownByItself, and the writes that it took without a majority are not acknowledged.
func TestAPrimaryCutOffStepsDownByItself(t *testing.T) {
	t.Parallel()
	hosts := form(t, 3)
	primary := settled(t, hosts...)
	for _, h := range hosts {
		if h != primary {
			cut(primary, h)
		}
	}
	late := bson.D{{Key: "insert", Value: "c"}, {Key: "documents", Value: bson.A{bson.D{{Key: "_id", Value: 1}}}}}
	_, err := rawCommand(t, primary.address, "a", late)
	if err == nil {
		t.Error("a write without a majority is acknowledged")
	}
	await.Until(t, func() error {
		if s := primary.state(); s != 2 {
			return fmt.Errorf("cut off its state is %d", s)
		}
		return nil
	})
	var rest []*host
	for _, h := range hosts {
		if h != primary {
			rest = append(rest, h)
		}
	}
	settled(t, rest...)
	for _, h := range rest {
		heal(primary, h)
	}
	settled(t, hosts...)
	for _, h := range hosts {
		if found, err := h.numbers("a", "c"); err != nil || len(found) != 0 {
			t.Errorf("%s has %v, %v", h.address, found, err)
		}
	}
}

// TestAMemberThatLagsTooFarIsRecoveringUntilItsDataIsGone.
func TestAMemberThatLagsTooFarIsRecoveringUntilItsDataIsGone(t *testing.T) {
	t.Parallel()
	hosts := form(t, 3, withParam("mongosimLogEntries", "20"))
	primary := settled(t, hosts...)
	lagging := hosts[0]
	if lagging == primary {
		lagging = hosts[1]
	}
	lagging.kill()
	c := connect(t, uri(hosts)).Database("a").Collection("c")
	for i := range 60 {
		if _, err := c.InsertOne(t.Context(), bson.D{{Key: "_id", Value: i}}); err != nil {
			t.Fatal(err)
		}
	}
	lagging.run()
	await.Until(t, func() error {
		if s := lagging.state(); s != 3 {
			return fmt.Errorf("state %d", s)
		}
		return nil
	})
	lagging.kill()
	lagging.wipe()
	lagging.run()
	settled(t, hosts...)
}

// TestAFormedMemberNeverJoinsAnotherSet, not even one of the same name, and not by force either.
func TestAFormedMemberNeverJoinsAnotherSet(t *testing.T) {
	t.Parallel()
	one, two := form(t, 1)[0], form(t, 1)[0]
	both := func(_ bson.M, m bson.A) bson.A { return append(m, member(1, two)) }
	_, err := one.admin(reconfig(one.next(both)))
	wantCode(t, err, code.ConfigIncompatible)
	must(t)(one.admin(reconfig(one.next(both), bson.E{Key: "force", Value: true})))
	await.Until(t, func() error {
		status, err := one.admin(getStatus)
		if err != nil {
			return err
		}
		if why, _ := status.Lookup("members", "1", "lastHeartbeatMessage").StringValueOK(); !strings.Contains(why, "replica set IDs do not match") {
			return fmt.Errorf("the other set's member: %s", status)
		}
		return nil
	})
	if version := two.current()["version"]; version != int32(1) {
		t.Errorf("the other set has version %v of its configuration", version)
	}
	settled(t, two)
}

// TestAnArbiterVotesAndShowsNothing: two members and an arbiter do without one member.
func TestAnArbiterVotesAndShowsNothing(t *testing.T) {
	t.Parallel()
	hosts := []*host{start(t), start(t), start(t)}
	c := config(hosts...)
	c["members"].(bson.A)[2] = bson.M{"_id": 2, "host": hosts[2].address, "arbiterOnly": true}
	must(t)(hosts[0].admin(initiateWith(c)))
	primary := settled(t, hosts[:2]...)
	arbiter := hosts[2]
	await.Until(t, func() error {
		if s := arbiter.state(); s != 7 {
			return fmt.Errorf("the arbiter's state is %d", s)
		}
		return nil
	})
	_, err := arbiter.client().Database("a").Collection("c").CountDocuments(t.Context(), bson.D{})
	wantCode(t, err, code.NotPrimaryOrSecondary)
	hello := must(t)(arbiter.admin(bson.D{{Key: "hello", Value: 1}}))
	if is, _ := hello.Lookup("arbiterOnly").BooleanOK(); !is {
		t.Errorf("hello says %s", hello)
	}
	other := hosts[0]
	if other == primary {
		other = hosts[1]
	}
	primary.kill()
	settled(t, other)
	if _, err := other.client().Database("a").Collection("c").InsertOne(t.Context(), bson.D{{Key: "a", Value: 1}}); err != nil {
		t.Error(err)
	}
}

func TestFeatureCompatibilityVersion(t *testing.T) {
	t.Parallel()
	h := form(t, 1, withVersion("7.0.14"))[0]
	shown := func() string {
		answer := must(t)(h.admin(bson.D{{Key: "getParameter", Value: 1}, {Key: "featureCompatibilityVersion", Value: 1}}))
		return answer.Lookup("featureCompatibilityVersion", "version").StringValue()
	}
	set := func(version string, confirm bool) error {
		_, err := h.admin(bson.D{{Key: "setFeatureCompatibilityVersion", Value: version}, {Key: "confirm", Value: confirm}})
		return err
	}
	if v := shown(); v != "7.0" {
		t.Errorf("a new set has %s", v)
	}
	wantCode(t, set("8.0", true), code.BadValue)
	wantCode(t, set("7.0.14", true), code.BadValue)
	h.kill()
	withVersion("8.0.4")(&h.options)
	h.run()
	settled(t, h)
	if v := shown(); v != "7.0" {
		t.Errorf("a newer binary made it %s", v)
	}
	wantCode(t, set("8.0", false), code.UnconfirmedFCV)
	if err := set("8.0", true); err != nil || shown() != "8.0" {
		t.Errorf("raised: %v, %s", err, shown())
	}
	hello := must(t)(h.admin(bson.D{{Key: "hello", Value: 1}}))
	if wire, _ := hello.Lookup("maxWireVersion").AsInt64OK(); wire != 25 {
		t.Errorf("wire version %d", wire)
	}
	h.kill()
	withVersion("7.0.14")(&h.options)
	if err := h.tryRun(); err == nil {
		t.Error("an older binary starts on it")
	}
	// Nor does an older binary take it from another member.
	withVersion("8.0.4")(&h.options)
	h.run()
	settled(t, h)
	old := start(t, withVersion("7.0.14"))
	must(t)(h.admin(reconfig(h.next(func(_ bson.M, m bson.A) bson.A {
		return append(m, edited(edited(member(1, old), "votes", 0), "priority", 0))
	}))))
	await.Until(t, func() error {
		if s := old.state(); s != 5 {
			return fmt.Errorf("state %d", s)
		}
		return nil
	})
}
