// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/quorate/quorate/test/double/replicaset"
)

func TestDocuments(t *testing.T) {
	host := replicaset.Start(t)
	d, err := NewDocuments("mongodb://db-client.ns.svc:27017/?replicaSet=rs", replicaset.Renamed(host), 100)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close(context.Background()) }()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		d.Run(ctx)
	}()
	for Count(d.Writes()).Acknowledged < 20 {
		select {
		case <-ended:
			t.Fatal("it ended by itself")
		case <-time.After(10 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatal("nothing is acknowledged")
		}
	}
	stop()
	<-ended
	writes := d.Writes()
	stored, err := d.Stored(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if c := Count(writes); c.Failed != 0 || c.Acknowledged != len(stored) {
		t.Errorf("%+v of %d are stored", c, len(stored))
	}
	if lost := Lost(writes, stored); lost != nil {
		t.Errorf("lost: %v", lost)
	}
	// The key of a write is its own: what was written is not written over.
	d.write(t.Context(), 0)
	if last := d.Writes()[len(writes)]; !last.Acked.IsZero() || last.Error == "" {
		t.Errorf("the first key was written again: %+v", last)
	}
	if _, err := NewDocuments(fmt.Sprintf("http://%s", host), nil, 0); err == nil {
		t.Error("an address of something else is taken")
	}
}
