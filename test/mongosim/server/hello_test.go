// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bytes"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/test/mongosim/replset"
)

func TestMembersAreListedByWhatTheyAreToClients(t *testing.T) {
	got, err := bson.Marshal(lists(&replset.Config{Members: []replset.Member{
		{Host: "a", Priority: 1}, {Host: "b"}, {Host: "c", Hidden: true}, {Host: "d", ArbiterOnly: true}, {Host: "e", Priority: 2},
	}}))
	if err != nil {
		t.Fatal(err)
	}
	want, err := bson.Marshal(bson.D{{Key: "hosts", Value: bson.A{"a", "e"}}, {Key: "passives", Value: bson.A{"b"}}, {Key: "arbiters", Value: bson.A{"d"}}})
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %s, want %s, %v", bson.Raw(got), bson.Raw(want), err)
	}
}

// TestElectionsAreOrdered: drivers compare the identities byte by byte.
func TestElectionsAreOrdered(t *testing.T) {
	before := electionID(0)
	for _, term := range []int64{1, 2, 255, 256, 1 << 40} {
		after := electionID(term)
		if bytes.Compare(before[:], after[:]) >= 0 {
			t.Errorf("%x is not before %x", before, after)
		}
		before = after
	}
}
