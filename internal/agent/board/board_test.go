// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package board

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/quorate/quorate/internal/agent/protocol"
	"github.com/quorate/quorate/internal/engine"
)

func newBoard(t *testing.T) *Board {
	t.Helper()
	b, err := New(engine.Report{Member: "db-0"})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func read(t *testing.T, b *Board) protocol.ReportReply {
	t.Helper()
	return decode(t, b.Reply(t.Context(), ""))
}

func decode(t *testing.T, text []byte) protocol.ReportReply {
	t.Helper()
	var r protocol.ReportReply
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func update(t *testing.T, b *Board, change func(*Draft)) {
	t.Helper()
	if err := b.Update(change); err != nil {
		t.Fatal(err)
	}
}

func TestWaitersAreWokenByAChangeOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBoard(t)
		first := read(t, b)
		got := make(chan protocol.ReportReply, 1)
		go func() { got <- decode(t, b.Reply(t.Context(), first.Revision)) }()
		synctest.Wait()
		update(t, b, func(r *Draft) { r.Member = "db-0" })
		synctest.Wait()
		if len(got) > 0 {
			t.Fatal("woken though nothing changed")
		}
		update(t, b, func(r *Draft) { r.Server.Running = true })
		synctest.Wait()
		if len(got) != 1 {
			t.Fatal("not woken by a change")
		}
		if r := <-got; r.Revision == first.Revision || !r.Report.Server.Running {
			t.Errorf("reply %+v", r)
		}
	})
}

func TestAWaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBoard(t)
		first := read(t, b)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if r := decode(t, b.Reply(ctx, first.Revision)); r.Revision != first.Revision {
			t.Errorf("revision %s, want %s", r.Revision, first.Revision)
		}
		if ctx.Err() == nil {
			t.Error("answered before the wait was over")
		}
	})
}

func TestARevisionIsOfOneProcess(t *testing.T) {
	a, b := read(t, newBoard(t)), read(t, newBoard(t))
	if a.Revision == b.Revision {
		t.Errorf("two processes gave the revision %s", a.Revision)
	}
}

func TestOrderIsNoChange(t *testing.T) {
	b := newBoard(t)
	peers := []engine.Peer{{ID: "2", Name: "b"}, {ID: "1", Name: "a"}, {ID: "0", Name: "b"}}
	update(t, b, func(r *Draft) { r.Server.View = &engine.View{Peers: peers} })
	first := read(t, b)
	update(t, b, func(r *Draft) {
		r.Server.View = &engine.View{Peers: []engine.Peer{peers[1], peers[2], peers[0]}}
	})
	if again := read(t, b); again.Revision != first.Revision {
		t.Error("another order made a new revision")
	}
	if peers[0].ID != "2" {
		t.Error("the caller's list was sorted")
	}
}

func TestComplaints(t *testing.T) {
	b := newBoard(t)
	for _, c := range []struct{ source, text, want string }{
		{"b", "two", "two"},
		{"a", "one", "one; two"},
		{"b", "", "one"},
		{"a", strings.Repeat("é", maxProblemBytes), ""},
	} {
		update(t, b, func(d *Draft) { d.Problems[c.source] = c.text })
		got := read(t, b).Report.Problem
		if c.want != "" && got != c.want {
			t.Errorf("problem %q, want %q", got, c.want)
		}
		if len(got) > maxProblemBytes || !utf8.ValidString(got) {
			t.Errorf("problem of %d bytes, valid %v", len(got), utf8.ValidString(got))
		}
	}
}

func TestAReportThatIsTooLongSaysLess(t *testing.T) {
	b := newBoard(t)
	var peers []engine.Peer
	for i := range 20000 {
		peers = append(peers, engine.Peer{ID: fmt.Sprint(i), Name: "somebody"})
	}
	update(t, b, func(r *Draft) {
		r.Server.Running, r.Server.View = true, &engine.View{Peers: peers}
	})
	text := b.Reply(t.Context(), "")
	if len(text) > protocol.MaxReportBytes {
		t.Errorf("the reply has %d bytes", len(text))
	}
	r := decode(t, text).Report
	if r.Server.View != nil || !r.Server.Running || r.Problem == "" {
		t.Errorf("report %+v", r)
	}
}
