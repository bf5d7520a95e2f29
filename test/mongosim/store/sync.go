// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"fmt"

	"go.etcd.io/bbolt"
	pb "go.etcd.io/raft/v3/raftpb"
)

// Part is a piece of a copy: pairs of one bucket. Sessions go with the documents.
type Part struct {
	Namespace string `bson:"ns"`
	Pairs     []Pair `bson:"pairs"`
}

// partSize is how many documents go into a part at most.
const partSize = 100

// sessionsNamespace stands for the sessions in a copy; no collection can have this name.
const sessionsNamespace = "$sessions"

// Copy returns everything that an initial sync needs, in parts, and the position that it is of. It is held in memory:
// the double is not for large data.
func (s *Store) Copy() (parts []Part, at Position, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		if err := getDoc(tx.Bucket(bucketMeta), keyApplied, &at); err != nil {
			return err
		}
		parts = split(parts, sessionsNamespace, tx.Bucket(bucketSessions))
		data := tx.Bucket(bucketData)
		return data.ForEachBucket(func(name []byte) error {
			parts = split(parts, string(name), data.Bucket(name))
			return nil
		})
	})
	if err != nil {
		return nil, at, fmt.Errorf("copying the data: %w", err)
	}
	return parts, at, nil
}

// split appends a bucket's content. An empty collection is one empty part.
func split(parts []Part, namespace string, b *bbolt.Bucket) []Part {
	part := Part{Namespace: namespace}
	cursor := b.Cursor()
	for key, value := cursor.First(); key != nil; key, value = cursor.Next() {
		part.Pairs = append(part.Pairs, Pair{Key: clone(key), Value: clone(value)})
		if len(part.Pairs) == partSize {
			parts = append(parts, part)
			part = Part{Namespace: namespace}
		}
	}
	return append(parts, part)
}

// BeginSync removes all data and remembers that what comes is not complete.
func (s *Store) BeginSync() error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{bucketLog, bucketData, bucketSessions} {
			if err := tx.DeleteBucket(name); err != nil {
				return err
			}
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		return tx.Bucket(bucketMeta).Put(keySyncing, []byte{1})
	})
}

// AddPart writes a part of a copy.
func (s *Store) AddPart(part Part) error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketSessions)
		if part.Namespace != sessionsNamespace {
			var err error
			if b, err = tx.Bucket(bucketData).CreateBucketIfNotExists([]byte(part.Namespace)); err != nil {
				return err
			}
		}
		for _, pair := range part.Pairs {
			if err := b.Put(pair.Key, pair.Value); err != nil {
				return err
			}
		}
		return nil
	})
}

// EndSync makes the copy the member's data, with its place in the log. The vote is given away, so that a member that
// forgot whom it voted for does not vote again in that term.
func (s *Store) EndSync(at Position, term, self uint64) error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		vote := self
		if term == 0 {
			vote = 0
		}
		return begin(tx, at, &pb.HardState{Term: new(term), Vote: new(vote), Commit: new(at.Index)})
	})
}
