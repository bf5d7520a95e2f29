// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongosim_test

import (
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

func TestFirst(t *testing.T) {
	hosts := form(t, 3)
	c := connect(t, uri(hosts)).Database("x").Collection("y")
	if _, err := c.InsertOne(t.Context(), bson.D{{Key: "a", Value: 1}}); err != nil {
		t.Fatal(err)
	}
	n, err := c.CountDocuments(t.Context(), bson.D{})
	t.Log(n, err)
	st, err := hosts[0].admin(bson.D{{Key: "replSetGetStatus", Value: 1}})
	t.Log(st, err)
}
