// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"slices"
	"strings"

	"go.etcd.io/bbolt"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/test/mongosim/document"
)

// Pair is a document and its key.
type Pair struct {
	Key   []byte   `bson:"key"`
	Value bson.Raw `bson:"value"`
}

// matching finds the documents that fit; one only unless all are wanted.
func matching(collection *bbolt.Bucket, filter bson.Raw, all bool) ([]Pair, error) {
	var found []Pair
	take := func(key, value []byte) (bool, error) {
		ok, err := document.Match(value, filter)
		if ok {
			found = append(found, Pair{Key: clone(key), Value: clone(value)})
		}
		return ok && !all, err
	}
	if id := filter.Lookup("_id"); id.Type != 0 && id.Type != bson.TypeEmbeddedDocument && id.Type != bson.TypeNull {
		key := identityKey(id)
		if value := collection.Get(key); value != nil {
			_, err := take(key, value)
			return found, err
		}
		return nil, nil
	}
	cursor := collection.Cursor()
	for key, value := cursor.First(); key != nil; key, value = cursor.Next() {
		if done, err := take(key, value); done || err != nil {
			return found, err
		}
	}
	return found, nil
}

// Query is what is looked for.
type Query struct {
	Namespace   string
	Filter      bson.Raw
	SortBy      string
	Descending  bool
	Skip, Limit int64
}

// Find returns the documents that fit.
func (s *Store) Find(q Query) ([]bson.Raw, error) {
	var found []Pair
	err := s.db.View(func(tx *bbolt.Tx) error {
		collection := tx.Bucket(bucketData).Bucket([]byte(q.Namespace))
		if collection == nil {
			return nil
		}
		var err error
		found, err = matching(collection, q.Filter, true)
		return err
	})
	if err != nil {
		return nil, err
	}
	if q.SortBy != "" {
		slices.SortStableFunc(found, func(a, b Pair) int {
			order := document.Compare(document.Lookup(a.Value, q.SortBy), document.Lookup(b.Value, q.SortBy))
			if q.Descending {
				return -order
			}
			return order
		})
	}
	docs := make([]bson.Raw, 0, len(found))
	for _, pair := range found {
		docs = append(docs, pair.Value)
	}
	docs = docs[min(int64(len(docs)), q.Skip):]
	if q.Limit > 0 {
		docs = docs[:min(int64(len(docs)), q.Limit)]
	}
	return docs, nil
}

// Namespaces lists the collections that exist, as database and dot and name.
func (s *Store) Namespaces() (names []string, err error) {
	err = s.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketData).ForEachBucket(func(name []byte) error {
			names = append(names, string(name))
			return nil
		})
	})
	return names, err
}

// Collections lists those of a database.
func (s *Store) Collections(database string) ([]string, error) {
	all, err := s.Namespaces()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, n := range all {
		if name, ok := strings.CutPrefix(n, database+"."); ok {
			names = append(names, name)
		}
	}
	return names, nil
}
