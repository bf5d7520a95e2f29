// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package replication

import (
	"context"
	"errors"
	"testing"
	"time"

	pb "go.etcd.io/raft/v3/raftpb"
	"go.mongodb.org/mongo-driver/v2/bson"
	"google.golang.org/protobuf/proto"

	"github.com/quorate/quorate/test/mongosim/replset"
	"github.com/quorate/quorate/test/mongosim/store"
)

// nobody is a transport to nowhere.
type nobody struct{}

func (nobody) Call(context.Context, string, bson.D, any) error { return errors.New("there is nobody") }
func (nobody) Post(string, bson.D)                             {}

// alone is the primary of a set of one.
func alone(t *testing.T) *Node {
	t.Helper()
	s, err := store.Open(t.TempDir(), true)
	if err != nil {
		t.Fatal(err)
	}
	n, err := New(Options{
		SetName: "rs", Store: s, Transport: nobody{}, Self: func(host string) bool { return host == "me:1" },
		LatestFCV: "8.0", AcceptedFCV: []string{"8.0"}, Logf: t.Logf, Fatal: func(err error) { t.Error(err) },
		SyncRate: func() int { return 0 },
	})
	if err != nil {
		t.Fatal(err)
	}
	n.Start()
	t.Cleanup(func() { n.Stop(); _ = s.Close() })
	raw, err := bson.Marshal(bson.M{"_id": "rs", "members": bson.A{bson.M{"_id": 0, "host": "me:1"}}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := replset.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Initiate(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := n.await(ctx, func() bool { return n.writable }); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestAPrimaryIsNoneFromTheMomentALaterTermIsKnown: clients take two primaries in a term for one.
func TestAPrimaryIsNoneFromTheMomentALaterTermIsKnown(t *testing.T) {
	n := alone(t)
	n.mu.Lock()
	defer n.mu.Unlock()
	term := n.raft.BasicStatus().GetTerm() + 1
	n.step(&pb.Message{Type: pb.MsgAppResp.Enum(), From: new(n.raftID()), To: new(n.raftID()), Term: new(term)})
	if s := n.shape(); s.writable || s.state != Secondary {
		t.Errorf("in term %d it is %+v", term, s)
	}
}

// TestACandidateWithAnOlderConfigurationGetsNoVote: it may not know who votes.
func TestACandidateWithAnOlderConfigurationGetsNoVote(t *testing.T) {
	n := alone(t)
	ask := func(version int32) uint64 {
		n.mu.Lock()
		term := n.raft.BasicStatus().GetTerm() + 1
		body, err := bson.Marshal(bson.D{{Key: "replSetConsensus", Value: "rs"}, {Key: "setID", Value: n.cfg.Settings.ReplicaSetID},
			{Key: "version", Value: version}, {Key: "term", Value: n.cfg.Term}, {Key: "messages", Value: [][]byte{vote(t, n.raftID(), term)}}})
		n.mu.Unlock()
		if err == nil {
			err = n.Receive(body)
		}
		if err != nil {
			t.Fatal(err)
		}
		n.mu.Lock()
		defer n.mu.Unlock()
		return n.raft.BasicStatus().GetVote()
	}
	if got := ask(0); got != 1 {
		t.Errorf("with an older configuration it got the vote: %d", got)
	}
	if got := ask(1); got != 9 {
		t.Errorf("with the same configuration it did not get the vote: %d", got)
	}
}

// vote asks for one, by force of a hand-over, in the name of a member with the whole log.
func vote(t *testing.T, to, term uint64) []byte {
	t.Helper()
	raw, err := proto.Marshal(&pb.Message{
		Type: pb.MsgVote.Enum(), From: new(uint64(9)), To: new(to), Term: new(term), LogTerm: new(term), Index: new(uint64(1000)),
		Context: []byte("CampaignTransfer"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
