// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"encoding/binary"
	"errors"
	"math"

	"go.etcd.io/bbolt"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/test/mongosim/code"
	"github.com/quorate/quorate/test/mongosim/document"
)

// apply carries out an operation. Only the operation and what is stored may decide what comes of it, or members would
// come to differ. An error that it returns is of the file; what a client did wrong is in the result.
func apply(tx *bbolt.Tx, op *Op) (Result, error) {
	var result Result
	known, refused, err := recall(tx, op)
	if err != nil || refused != nil {
		result.Err = refused
		return result, err
	}
	for i, statement := range op.Statements {
		if known != nil {
			if o, ok := known.find(statement.ID); ok {
				result.add(int32(i), o)
				result.Repeated = append(result.Repeated, statement.ID)
				continue
			}
		}
		o, err := carryOutStatement(tx, op, statement)
		var failed *code.Error
		if errors.As(err, &failed) {
			result.Errors = append(result.Errors, WriteError{Index: int32(i), Code: failed.Code, Message: failed.Message})
			if op.Ordered {
				break
			}
			continue
		}
		if err != nil {
			return result, err
		}
		result.add(int32(i), o)
		if known != nil {
			known.Outcomes = append(known.Outcomes, o)
		}
	}
	if known == nil {
		return result, nil
	}
	return result, putDoc(tx.Bucket(bucketSessions), op.Session, known)
}

func (r *Result) add(index int32, o outcome) {
	r.N += o.N
	r.Modified += o.Modified
	if o.Upserted.Type != 0 {
		r.Upserted = append(r.Upserted, Upserted{Index: index, ID: o.Upserted})
	}
}

// recall returns what is known of a retryable write: nil for others, empty for a new one. One older than the session's
// newest is refused.
func recall(tx *bbolt.Tx, op *Op) (*session, *code.Error, error) {
	if op.Number == 0 || len(op.Session) == 0 {
		return nil, nil, nil
	}
	known := &session{}
	if err := getDoc(tx.Bucket(bucketSessions), op.Session, known); err != nil {
		return nil, nil, err
	}
	switch {
	case op.Number < known.Number:
		return nil, code.Errorf(code.TransactionTooOld, "Retryable write with txnNumber %d is prohibited on a session because a newer one with txnNumber %d has already started", op.Number, known.Number), nil
	case op.Number > known.Number:
		known = &session{Number: op.Number}
	}
	return known, nil, nil
}

func carryOutStatement(tx *bbolt.Tx, op *Op, s Statement) (outcome, error) {
	data := tx.Bucket(bucketData)
	switch op.Kind {
	case Nothing:
		return outcome{}, nil
	case Drop:
		err := data.DeleteBucket([]byte(op.Namespace))
		if errors.Is(err, bbolt.ErrBucketNotFound) {
			return outcome{}, nil
		}
		return outcome{}, err
	}
	collection, err := data.CreateBucketIfNotExists([]byte(op.Namespace))
	if err != nil {
		return outcome{}, err
	}
	o := outcome{Statement: s.ID}
	switch op.Kind {
	case Insert:
		o.N = 1
		return o, insert(collection, op.Namespace, s.Doc)
	case Update:
		err = update(collection, op.Namespace, s, &o)
		return o, err
	case Delete:
		err = remove(collection, s, &o)
		return o, err
	}
	return o, code.Errorf(code.InternalError, "unknown operation %q", op.Kind)
}

func insert(collection *bbolt.Bucket, namespace string, doc bson.Raw) error {
	key := identityKey(doc.Lookup("_id"))
	if collection.Get(key) != nil {
		return code.Errorf(code.DuplicateKey, "E11000 duplicate key error collection: %s index: _id_ dup key: { _id: %s }", namespace, doc.Lookup("_id"))
	}
	return collection.Put(key, doc)
}

func update(collection *bbolt.Bucket, namespace string, s Statement, o *outcome) error {
	found, err := matching(collection, s.Filter, s.Multi)
	if err != nil {
		return err
	}
	for _, pair := range found {
		doc, err := document.Update(pair.Value, s.Update, false)
		if err != nil {
			return err
		}
		o.N++
		if string(doc) != string(pair.Value) {
			o.Modified++
		}
		if err := collection.Put(pair.Key, doc); err != nil {
			return err
		}
	}
	if len(found) > 0 || !s.Upsert {
		return nil
	}
	return upsert(collection, namespace, s, o)
}

func upsert(collection *bbolt.Bucket, namespace string, s Statement, o *outcome) error {
	start, err := document.FromFilter(s.Filter)
	if err != nil {
		return err
	}
	doc, err := document.Update(start, s.Update, true)
	if err != nil {
		return err
	}
	if doc, err = WithIdentity(doc, s.NewID); err != nil {
		return err
	}
	o.N, o.Upserted = 1, doc.Lookup("_id")
	return insert(collection, namespace, doc)
}

func remove(collection *bbolt.Bucket, s Statement, o *outcome) error {
	found, err := matching(collection, s.Filter, s.Multi)
	if err != nil {
		return err
	}
	for _, pair := range found {
		o.N++
		if err := collection.Delete(pair.Key); err != nil {
			return err
		}
	}
	return nil
}

// WithIdentity puts an _id in front of a document that has none.
func WithIdentity(doc bson.Raw, id bson.ObjectID) (bson.Raw, error) {
	if doc.Lookup("_id").Type != 0 {
		return doc, nil
	}
	var content bson.D
	if err := bson.Unmarshal(doc, &content); err != nil {
		return nil, code.Errorf(code.BadValue, "reading a document: %v", err)
	}
	out, err := bson.Marshal(append(bson.D{{Key: "_id", Value: id}}, content...))
	if err != nil {
		return nil, code.Errorf(code.BadValue, "writing a document: %v", err)
	}
	return out, nil
}

// identityKey is the key of an _id: equal numbers have equal keys, and whole numbers keep their order.
func identityKey(id bson.RawValue) []byte {
	if n, ok := id.AsInt64OK(); ok && id.IsNumber() {
		if f, _ := id.AsFloat64OK(); id.Type != bson.TypeDouble || f == math.Trunc(f) {
			return binary.BigEndian.AppendUint64([]byte{1}, uint64(n)^(1<<63))
		}
	}
	return append([]byte{byte(id.Type) | 0x80}, id.Value...)
}
