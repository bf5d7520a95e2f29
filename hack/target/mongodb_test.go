// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package target

import (
	"slices"
	"testing"
)

func TestMongoDB(t *testing.T) {
	for _, c := range []struct {
		kind  Kind
		asked string
		want  Server
	}{
		{Local, "", DoubleServer},
		{KindCluster, "", RealServer},
		{Existing, "", RealServer},
		{Local, "real", RealServer},
		{KindCluster, "double", DoubleServer},
		{Local, "mongod", ""},
	} {
		got, err := (&Target{Kind: c.kind}).MongoDB(c.asked)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%q on %s: %q, %v; want %q", c.asked, c.kind, got, err, c.want)
		}
	}
}

func TestTheDoubleIsLeftOut(t *testing.T) {
	archives := []string{"dist/images/mongo-7.0.tar", "dist/images/consul-1.22.3.tar", "dist/images/mongo-8.0.tar", "dist/images/quorate.tar"}
	if got := DoubleServer.Of(archives); !slices.Equal(got, archives) {
		t.Errorf("with the double: %q", got)
	}
	if got, want := RealServer.Of(archives), []string{archives[1], archives[3]}; !slices.Equal(got, want) {
		t.Errorf("with MongoDB's own: %q, want %q", got, want)
	}
}
