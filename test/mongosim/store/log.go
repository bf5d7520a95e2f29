// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"fmt"

	"go.etcd.io/bbolt"
	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"go.mongodb.org/mongo-driver/v2/bson"
	"google.golang.org/protobuf/proto"
)

// Log is what the consensus starts from.
type Log struct {
	Memory  *raft.MemoryStorage
	Applied Position
	// Empty says that the member has no place in the set's history yet.
	Empty bool
}

// LoadLog reads the log into memory, where the consensus wants it.
func (s *Store) LoadLog() (*Log, error) {
	log := &Log{Memory: raft.NewMemoryStorage(), Empty: true}
	err := s.db.View(func(tx *bbolt.Tx) error {
		meta := tx.Bucket(bucketMeta)
		if meta.Get(keyBase) == nil || meta.Get(keySyncing) != nil {
			return nil
		}
		log.Empty = false
		var base Position
		if err := getDoc(meta, keyBase, &base); err != nil {
			return err
		}
		if err := getDoc(meta, keyApplied, &log.Applied); err != nil {
			return err
		}
		hard := &pb.HardState{}
		if err := proto.Unmarshal(meta.Get(keyHard), hard); err != nil {
			return err
		}
		entries, err := entries(tx.Bucket(bucketLog))
		if err != nil {
			return err
		}
		return fill(log.Memory, base, hard, entries)
	})
	if err != nil {
		return nil, fmt.Errorf("reading the log: %w", err)
	}
	return log, nil
}

func entries(b *bbolt.Bucket) (list []*pb.Entry, err error) {
	err = b.ForEach(func(_, value []byte) error {
		entry := &pb.Entry{}
		if err := proto.Unmarshal(value, entry); err != nil {
			return err
		}
		list = append(list, entry)
		return nil
	})
	return list, err
}

func fill(memory *raft.MemoryStorage, base Position, hard *pb.HardState, entries []*pb.Entry) error {
	err := memory.ApplySnapshot(&pb.Snapshot{Metadata: &pb.SnapshotMetadata{
		ConfState: &pb.ConfState{}, Index: new(base.Index), Term: new(base.Term),
	}})
	if err != nil {
		return err
	}
	if err := memory.SetHardState(hard); err != nil {
		return err
	}
	return memory.Append(entries)
}

// Save writes what the consensus wants on disk and carries out what it has decided, all at once. It returns what came
// of each decided operation, by its ID.
func (s *Store) Save(hard *pb.HardState, entries, decided []*pb.Entry) (map[bson.ObjectID]Result, Position, error) {
	results := map[bson.ObjectID]Result{}
	var applied Position
	err := s.db.Update(func(tx *bbolt.Tx) error {
		if hard != nil {
			if err := putHard(tx, hard); err != nil {
				return err
			}
		}
		if err := putEntries(tx.Bucket(bucketLog), entries); err != nil {
			return err
		}
		if err := getDoc(tx.Bucket(bucketMeta), keyApplied, &applied); err != nil || len(decided) == 0 {
			return err
		}
		for _, entry := range decided {
			if err := carryOut(tx, entry, &applied, results); err != nil {
				return err
			}
		}
		return putDoc(tx.Bucket(bucketMeta), keyApplied, applied)
	})
	if err != nil {
		return nil, applied, fmt.Errorf("writing the log: %w", err)
	}
	return results, applied, nil
}

func carryOut(tx *bbolt.Tx, entry *pb.Entry, applied *Position, results map[bson.ObjectID]Result) error {
	applied.Index, applied.Term = entry.GetIndex(), entry.GetTerm()
	if len(entry.Data) == 0 {
		return nil
	}
	var op Op
	if err := bson.Unmarshal(entry.Data, &op); err != nil {
		return err
	}
	applied.Seconds = max(applied.Seconds, op.Seconds)
	result, err := apply(tx, &op)
	if err != nil {
		return err
	}
	result.Index = entry.GetIndex()
	results[op.ID] = result
	return nil
}

func putHard(tx *bbolt.Tx, hard *pb.HardState) error {
	raw, err := proto.Marshal(hard)
	if err != nil {
		return err
	}
	return tx.Bucket(bucketMeta).Put(keyHard, raw)
}

// putEntries appends, and removes what the first of them contradicts.
func putEntries(b *bbolt.Bucket, entries []*pb.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	cursor := b.Cursor()
	first := indexKey(entries[0].GetIndex())
	for key, _ := cursor.Seek(first); key != nil; key, _ = cursor.Seek(first) {
		if err := b.Delete(key); err != nil {
			return err
		}
	}
	for _, entry := range entries {
		raw, err := proto.Marshal(entry)
		if err != nil {
			return err
		}
		if err := b.Put(indexKey(entry.GetIndex()), raw); err != nil {
			return err
		}
	}
	return nil
}

// Apply carries out an operation that is not replicated: on a server without a set.
func (s *Store) Apply(op *Op) (result Result, err error) {
	err = s.db.Update(func(tx *bbolt.Tx) error {
		result, err = apply(tx, op)
		return err
	})
	return result, err
}

// Found gives the member its place at the beginning of the set's history: what it holds now is where that starts.
func (s *Store) Found(seconds uint32) error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		return begin(tx, Position{Index: 1, Seconds: seconds}, &pb.HardState{Term: new(uint64(0)), Vote: new(uint64(0)), Commit: new(uint64(1))})
	})
}

func begin(tx *bbolt.Tx, at Position, hard *pb.HardState) error {
	meta := tx.Bucket(bucketMeta)
	for _, key := range [][]byte{keyBase, keyApplied} {
		if err := putDoc(meta, key, at); err != nil {
			return err
		}
	}
	if err := meta.Delete(keySyncing); err != nil {
		return err
	}
	return putHard(tx, hard)
}

// Trim forgets the log up to and with an index.
func (s *Store) Trim(upTo Position) error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketLog)
		cursor := b.Cursor()
		last := string(indexKey(upTo.Index))
		for key, _ := cursor.First(); key != nil && string(key) <= last; key, _ = cursor.First() {
			if err := b.Delete(key); err != nil {
				return err
			}
		}
		return putDoc(tx.Bucket(bucketMeta), keyBase, upTo)
	})
}
