// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"errors"
	"fmt"
	"testing"

	pb "go.etcd.io/raft/v3/raftpb"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/test/mongosim/code"
)

func open(t *testing.T, folder string) *Store {
	t.Helper()
	s, err := Open(folder, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func doc(t *testing.T, d bson.D) bson.Raw {
	t.Helper()
	raw, err := bson.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func inserting(t *testing.T, ids ...any) *Op {
	op := &Op{ID: bson.NewObjectID(), Kind: Insert, Namespace: "a.c", Ordered: true}
	for i, id := range ids {
		op.Statements = append(op.Statements, Statement{ID: int32(i), Doc: doc(t, bson.D{{Key: "_id", Value: id}})})
	}
	return op
}

func entry(t *testing.T, index, term uint64, op *Op) *pb.Entry {
	t.Helper()
	e := &pb.Entry{Index: new(index), Term: new(term)}
	if op != nil {
		raw, err := bson.Marshal(op)
		if err != nil {
			t.Fatal(err)
		}
		e.Data = raw
	}
	return e
}

func hard(term, commit uint64) *pb.HardState {
	return &pb.HardState{Term: new(term), Vote: new(uint64(1)), Commit: new(commit)}
}

func count(t *testing.T, s *Store) int {
	t.Helper()
	docs, err := s.Find(Query{Namespace: "a.c", Filter: doc(t, bson.D{})})
	if err != nil {
		t.Fatal(err)
	}
	return len(docs)
}

// TestWhatWasSavedIsThereAgain: log, vote and documents, from the file alone.
func TestWhatWasSavedIsThereAgain(t *testing.T) {
	folder := t.TempDir()
	s := open(t, folder)
	if log, err := s.LoadLog(); err != nil || !log.Empty {
		t.Fatalf("a new member has a log: %+v, %v", log, err)
	}
	if err := s.Found(7); err != nil {
		t.Fatal(err)
	}
	op := inserting(t, 1, 2)
	op.Seconds = 9
	lost := entry(t, 4, 1, inserting(t, 99))
	results, applied, err := s.Save(hard(1, 3), []*pb.Entry{entry(t, 2, 1, nil), entry(t, 3, 1, op), lost}, []*pb.Entry{entry(t, 2, 1, nil), entry(t, 3, 1, op)})
	if err != nil || results[op.ID].N != 2 || applied != (Position{Index: 3, Term: 1, Seconds: 9}) {
		t.Fatalf("got %+v, %+v, %v", results, applied, err)
	}
	// A later leader replaces what was not decided.
	if _, _, err := s.Save(hard(2, 3), []*pb.Entry{entry(t, 4, 2, nil)}, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, folder)
	log, err := s.LoadLog()
	if err != nil || log.Empty || log.Applied.Index != 3 {
		t.Fatalf("got %+v, %v", log, err)
	}
	last, _ := log.Memory.LastIndex()
	term, err := log.Memory.Term(4)
	vote, _, _ := log.Memory.InitialState()
	if last != 4 || term != 2 || err != nil || vote.GetTerm() != 2 || count(t, s) != 2 {
		t.Errorf("last %d of term %d, %v, vote %v, %d documents", last, term, err, vote, count(t, s))
	}
	if err := s.Trim(Position{Index: 3, Term: 1}); err != nil {
		t.Fatal(err)
	}
	if log, err = s.LoadLog(); err != nil {
		t.Fatal(err)
	}
	if first, _ := log.Memory.FirstIndex(); first != 4 {
		t.Errorf("after trimming the log begins at %d", first)
	}
}

func TestOneProcessHasTheFile(t *testing.T) {
	folder := t.TempDir()
	open(t, folder)
	if _, err := Open(folder, true); !errors.Is(err, ErrLocked) {
		t.Errorf("got %v", err)
	}
}

func TestStatementsFailOneByOne(t *testing.T) {
	s := open(t, t.TempDir())
	ordered := inserting(t, 1, 1.0, 2)
	result, err := s.Apply(ordered)
	if err != nil || result.N != 1 || len(result.Errors) != 1 || result.Errors[0].Index != 1 || result.Errors[0].Code != code.DuplicateKey {
		t.Errorf("ordered: %+v, %v", result, err)
	}
	loose := inserting(t, 1, 3, "1")
	loose.Ordered = false
	if result, err = s.Apply(loose); err != nil || result.N != 2 || len(result.Errors) != 1 || count(t, s) != 3 {
		t.Errorf("unordered: %+v, %v, %d documents", result, err, count(t, s))
	}
}

// TestARetryableWriteIsCarriedOutOnce, statement by statement, also where the first attempt got only half way.
func TestARetryableWriteIsCarriedOutOnce(t *testing.T) {
	folder := t.TempDir()
	s := open(t, folder)
	first := inserting(t, 1)
	first.Session, first.Number = []byte("s"), 5
	both := inserting(t, 1, 2)
	both.Session, both.Number = []byte("s"), 5
	for i, op := range []*Op{first, both, both} {
		result, err := s.Apply(op)
		if err != nil || int(result.N) != len(op.Statements) || len(result.Errors) != 0 {
			t.Errorf("attempt %d: %+v, %v", i, result, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, folder)
	}
	older := inserting(t, 9)
	older.Session, older.Number = []byte("s"), 4
	if result, err := s.Apply(older); err != nil || result.Err == nil || result.Err.Code != code.TransactionTooOld {
		t.Errorf("an older one: %+v, %v", result, err)
	}
	other := inserting(t, 10)
	other.Session, other.Number = []byte("other"), 1
	if result, err := s.Apply(other); err != nil || result.N != 1 || count(t, s) != 3 {
		t.Errorf("of another session: %+v, %v, %d documents", result, err, count(t, s))
	}
}

// TestACopyIsTheSame: documents, empty collections, and what is remembered of retryable writes.
func TestACopyIsTheSame(t *testing.T) {
	from, to := open(t, t.TempDir()), open(t, t.TempDir())
	if err := from.Found(7); err != nil {
		t.Fatal(err)
	}
	ids := make([]any, 250)
	for i := range ids {
		ids[i] = fmt.Sprint(i)
	}
	op := inserting(t, ids...)
	op.Session, op.Number = []byte("s"), 1
	if _, err := from.Apply(op); err != nil {
		t.Fatal(err)
	}
	if _, err := to.Apply(inserting(t, "what was there before")); err != nil {
		t.Fatal(err)
	}
	parts, at, err := from.Copy()
	if err != nil {
		t.Fatal(err)
	}
	if err := to.BeginSync(); err != nil {
		t.Fatal(err)
	}
	for _, part := range parts {
		if log, err := to.LoadLog(); err != nil || !log.Empty {
			t.Fatalf("half of a copy is taken for all: %+v, %v", log, err)
		}
		if err := to.AddPart(part); err != nil {
			t.Fatal(err)
		}
	}
	if err := to.EndSync(at, 4, 2); err != nil {
		t.Fatal(err)
	}
	log, err := to.LoadLog()
	if err != nil || log.Empty || log.Applied != at {
		t.Fatalf("got %+v, %v", log, err)
	}
	vote, _, _ := log.Memory.InitialState()
	if vote.GetTerm() != 4 || vote.GetVote() != 2 {
		t.Errorf("may vote again in the term: %v", vote)
	}
	if result, err := to.Apply(op); err != nil || len(result.Repeated) != 250 || count(t, to) != 250 {
		t.Errorf("the copy does not remember: %v, %d documents", err, count(t, to))
	}
}
