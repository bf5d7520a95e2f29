// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/test/mongosim/code"
)

// Kind is what an operation does.
type Kind string

// The kinds of operations.
const (
	Insert Kind = "insert"
	Update Kind = "update"
	Delete Kind = "delete"
	Drop   Kind = "drop"
	// Nothing changes nothing; it only takes its place among the others.
	Nothing Kind = "nothing"
)

// Op is what is replicated: one command's changes, carried out alike and in the same order on every member.
type Op struct {
	// ID is by which the member that proposed it knows its own.
	ID         bson.ObjectID `bson:"id"`
	Kind       Kind          `bson:"kind"`
	Namespace  string        `bson:"ns"`
	Statements []Statement   `bson:"statements"`
	// Ordered stops at the first statement that fails.
	Ordered bool `bson:"ordered"`
	// Seconds is when it was proposed, by the clock of the one that did.
	Seconds uint32 `bson:"seconds"`
	// Session and Number name a retryable write; Number is 0 for others.
	Session []byte `bson:"session,omitempty"`
	Number  int64  `bson:"number,omitempty"`
}

// Statement is one of the changes.
type Statement struct {
	// ID tells the statements of a retryable write apart.
	ID     int32    `bson:"id"`
	Doc    bson.Raw `bson:"doc,omitempty"`
	Filter bson.Raw `bson:"filter,omitempty"`
	Update bson.Raw `bson:"update,omitempty"`
	Multi  bool     `bson:"multi,omitempty"`
	Upsert bool     `bson:"upsert,omitempty"`
	// NewID is the identity of an upserted document that gives none: all members must draw the same.
	NewID bson.ObjectID `bson:"newID,omitempty"`
}

// Result is what came of an operation.
type Result struct {
	N, Modified int32
	Upserted    []Upserted
	Errors      []WriteError
	// Repeated are the statements that had been carried out before, and were not again.
	Repeated []int32
	// Err refused all of it.
	Err *code.Error
	// Index is its place in the log.
	Index uint64
}

// Upserted is a document that an update made.
type Upserted struct {
	Index int32         `bson:"index"`
	ID    bson.RawValue `bson:"_id"`
}

// WriteError is a statement that failed.
type WriteError struct {
	Index   int32     `bson:"index"`
	Code    code.Code `bson:"code"`
	Message string    `bson:"errmsg"`
}

// outcome is what is remembered of a statement of a retryable write.
type outcome struct {
	Statement int32         `bson:"statement"`
	N         int32         `bson:"n"`
	Modified  int32         `bson:"modified"`
	Upserted  bson.RawValue `bson:"upserted,omitempty"`
}

// session is what is remembered of the newest retryable write of a session.
type session struct {
	Number   int64     `bson:"number"`
	Outcomes []outcome `bson:"outcomes"`
}

func (s *session) find(statement int32) (outcome, bool) {
	for _, o := range s.Outcomes {
		if o.Statement == statement {
			return o, true
		}
	}
	return outcome{}, false
}
