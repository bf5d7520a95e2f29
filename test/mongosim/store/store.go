// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package store is everything of a member that is on disk, in one bbolt file: the log of the consensus and its vote,
// the configuration of the set, the documents, and what is remembered of retryable writes. Whatever belongs together
// is written in one transaction, so a process may be killed at any moment.
//
// There are no indexes but that of _id, and documents without a sort come in the order of _id.
package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
	bberrors "go.etcd.io/bbolt/errors"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// FileName is the file in the data folder: a name of the server's own, so that what
// knows the server's data knows the double's.
const FileName = "WiredTiger.wt"

var (
	bucketMeta     = []byte("meta")
	bucketLog      = []byte("log")
	bucketData     = []byte("data")
	bucketSessions = []byte("sessions")

	keyConfig  = []byte("config")
	keyHard    = []byte("hardstate")
	keyApplied = []byte("applied")
	keyBase    = []byte("base")
	keySyncing = []byte("syncing")
)

// ErrLocked says that another process has the file.
var ErrLocked = errors.New("another process uses the data folder")

// Store is an open file.
type Store struct {
	db *bbolt.DB
}

// Position is a place in the log, with the seconds of its operation.
type Position struct {
	Index   uint64 `bson:"index"`
	Term    uint64 `bson:"term"`
	Seconds uint32 `bson:"seconds"`
}

// Open opens the file in the folder, or makes it. NoSync trades safety against loss of power for speed.
func Open(folder string, noSync bool) (*Store, error) {
	db, err := bbolt.Open(filepath.Join(folder, FileName), 0o600, &bbolt.Options{
		Timeout: 100 * time.Millisecond, NoSync: noSync, NoFreelistSync: true,
	})
	if errors.Is(err, bberrors.ErrTimeout) {
		return nil, ErrLocked
	}
	if err != nil {
		return nil, fmt.Errorf("opening the data: %w", err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{bucketMeta, bucketLog, bucketData, bucketSessions} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("preparing the data: %w", err), db.Close())
	}
	return &Store{db: db}, nil
}

// Close closes the file; readers are waited for.
func (s *Store) Close() error { return s.db.Close() }

// Config returns the configuration that was kept, or nil.
func (s *Store) Config() (raw bson.Raw, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		raw = clone(tx.Bucket(bucketMeta).Get(keyConfig))
		return nil
	})
	return raw, err
}

// SaveConfig keeps the configuration.
func (s *Store) SaveConfig(raw bson.Raw) error {
	return s.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(bucketMeta).Put(keyConfig, raw) })
}

// HasData reports whether there is a document of a user.
func (s *Store) HasData() (found bool, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketData).ForEachBucket(func(name []byte) error {
			if string(name) == NamespaceVersion {
				return nil
			}
			key, _ := tx.Bucket(bucketData).Bucket(name).Cursor().First()
			found = found || key != nil
			return nil
		})
	})
	return found, err
}

func clone(b []byte) []byte {
	if b == nil {
		return nil
	}
	return append([]byte{}, b...)
}

func indexKey(index uint64) []byte { return binary.BigEndian.AppendUint64(nil, index) }

func putDoc(b *bbolt.Bucket, key []byte, value any) error {
	raw, err := bson.Marshal(value)
	if err != nil {
		return err
	}
	return b.Put(key, raw)
}

func getDoc(b *bbolt.Bucket, key []byte, value any) error {
	raw := b.Get(key)
	if raw == nil {
		return nil
	}
	return bson.Unmarshal(raw, value)
}
