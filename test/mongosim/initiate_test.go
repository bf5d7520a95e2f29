// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongosim_test

import (
	"maps"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/test/mongosim/code"
)

// with returns a copy of a configuration with some fields replaced.
func with(c bson.M, fields bson.M) bson.M {
	c = maps.Clone(c)
	maps.Copy(c, fields)
	return c
}

func initiateWith(c bson.M) bson.D { return bson.D{{Key: "replSetInitiate", Value: c}} }

var getStatus = bson.D{{Key: "replSetGetStatus", Value: 1}}

func TestInitiateRefusals(t *testing.T) {
	t.Parallel()
	h, empty, other, used := start(t), start(t), start(t, withSetName("other")), start(t)
	gone := start(t)
	gone.kill()
	must(t)(used.admin(initiateWith(config(used))))
	settled(t, used)

	_, err := h.admin(getStatus)
	wantCode(t, err, code.NotYetInitialized)
	hello := must(t)(h.admin(bson.D{{Key: "hello", Value: 1}}))
	if is, _ := hello.Lookup("isreplicaset").BooleanOK(); !is || hello.Lookup("setName").Type != 0 {
		t.Errorf("before the set: %s", hello)
	}
	stranger := config(h)
	stranger["members"] = bson.A{bson.M{"_id": 0, "host": empty.address}}
	unelectable := config(h)
	unelectable["members"] = bson.A{bson.M{"_id": 0, "host": h.address, "priority": 0}, bson.M{"_id": 1, "host": empty.address}}
	unknown := config(h)
	unknown["members"] = bson.A{bson.M{"_id": 0, "host": h.address, "colour": "red"}}
	for name, test := range map[string]struct {
		config bson.M
		want   code.Code
		says   string
	}{
		"another set's name":   {with(config(h), bson.M{"_id": "else"}), code.InvalidReplicaSetConfig, ""},
		"version 2":            {with(config(h), bson.M{"version": 2}), code.InvalidReplicaSetConfig, ""},
		"an identity":          {with(config(h), bson.M{"settings": bson.M{"replicaSetId": bson.NewObjectID()}}), code.InvalidReplicaSetConfig, ""},
		"not itself":           {stranger, code.InvalidReplicaSetConfig, ""},
		"itself not electable": {unelectable, code.InvalidReplicaSetConfig, ""},
		"an unknown field":     {unknown, code.InvalidReplicaSetConfig, ""},
		"no members":           {with(config(h), bson.M{"members": bson.A{}}), code.InvalidReplicaSetConfig, ""},
		"a silent member":      {config(h, empty, gone), code.NodeNotFound, "replSetInitiate quorum check failed because not all proposed set members responded affirmatively: "},
		"a member of another":  {config(h, other), code.ConfigIncompatible, ""},
		"an initiated member":  {config(h, used), code.ConfigIncompatible, ""},
	} {
		_, err := h.admin(initiateWith(test.config))
		wantCode(t, err, test.want)
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	_, err = used.admin(initiateWith(config(used)))
	wantCode(t, err, code.AlreadyInitialized)
}

func TestInitiateWithDataElsewhere(t *testing.T) {
	t.Parallel()
	// The other member wrote while it was in no set.
	other := start(t, withSetName(""))
	if _, err := other.client().Database("a").Collection("b").InsertOne(t.Context(), bson.D{{Key: "x", Value: 1}}); err != nil {
		t.Fatal(err)
	}
	_, err := other.admin(initiateWith(config(other)))
	wantCode(t, err, code.NoReplicationEnabled)
	_, err = other.admin(getStatus)
	wantCode(t, err, code.NoReplicationEnabled)
	other.kill()
	other.options.SetName = "rs"
	other.run()
	h := start(t)
	_, err = h.admin(initiateWith(config(h, other)))
	wantCode(t, err, code.CannotInitializeWithData)
	// The one that has the data may be the beginning, and the other gets it.
	must(t)(other.admin(initiateWith(config(other, h))))
	settled(t, other, h)
	if n, err := h.client().Database("a").Collection("b").CountDocuments(t.Context(), bson.D{}); err != nil || n != 1 {
		t.Errorf("the other has %d documents, %v", n, err)
	}
}

func TestASetOfOneIsItsPrimaryAndKeepsItsIdentity(t *testing.T) {
	t.Parallel()
	h := form(t, 1)[0]
	id := func() bson.ObjectID {
		answer := must(t)(h.admin(bson.D{{Key: "replSetGetConfig", Value: 1}}))
		return answer.Lookup("config", "settings", "replicaSetId").ObjectID()
	}
	before := id()
	h.kill()
	h.run()
	settled(t, h)
	if before.IsZero() || id() != before {
		t.Errorf("the identity was %s and is %s", before.Hex(), id().Hex())
	}
	status := must(t)(h.admin(getStatus))
	if state, _ := status.Lookup("myState").AsInt64OK(); state != 1 {
		t.Errorf("state %d", state)
	}
}
