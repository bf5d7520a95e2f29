// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/test/mongosim/code"
	"github.com/quorate/quorate/test/mongosim/replication"
	"github.com/quorate/quorate/test/mongosim/store"
)

// checkWritable refuses where nothing can be written.
func (s *Server) checkWritable() error {
	if s.node != nil && !s.node.Look().Writable {
		return code.Errorf(code.NotWritablePrimary, "not primary")
	}
	return nil
}

// write has an operation carried out: by the set, or here if there is none.
func (s *Server) write(ctx context.Context, op *store.Op) (store.Result, error) {
	if s.node != nil {
		return s.node.Propose(ctx, op)
	}
	result, err := s.store.Apply(op)
	if err == nil && result.Err != nil {
		err = result.Err
	}
	return result, err
}

// documents are those of a field of the command, wherever the client put them.
func (r *request) documents(field string) ([]bson.Raw, error) {
	if docs, ok := r.msg.Sequences[field]; ok {
		return docs, nil
	}
	array, ok := r.body.Lookup(field).ArrayOK()
	if !ok {
		return nil, code.Errorf(code.FailedToParse, "%s needs the field %s", r.name, field)
	}
	values, err := array.Values()
	if err != nil {
		return nil, code.Errorf(code.FailedToParse, "reading %s: %v", field, err)
	}
	docs := make([]bson.Raw, 0, len(values))
	for _, v := range values {
		doc, ok := v.DocumentOK()
		if !ok {
			return nil, code.Errorf(code.TypeMismatch, "%s must hold documents", field)
		}
		docs = append(docs, doc)
	}
	return docs, nil
}

// namespace is the collection that a command names first.
func (r *request) namespace() (string, error) {
	collection, ok := r.body.Lookup(r.name).StringValueOK()
	if !ok || collection == "" || strings.HasPrefix(collection, "$") {
		return "", code.Errorf(73, "collection name has invalid type or is empty")
	}
	return r.db + "." + collection, nil
}

func insert(ctx context.Context, r *request) (bson.D, error) {
	return r.change(ctx, store.Insert, "documents", func(doc bson.Raw) (s store.Statement, err error) {
		if s.Doc, err = store.WithIdentity(doc, bson.NewObjectID()); err == nil && s.Doc.Lookup("_id").Type == bson.TypeArray {
			err = code.Errorf(code.BadValue, "can't use an array for _id")
		}
		return s, err
	})
}

func update(ctx context.Context, r *request) (bson.D, error) {
	return r.change(ctx, store.Update, "updates", func(doc bson.Raw) (store.Statement, error) {
		s := store.Statement{NewID: bson.NewObjectID()}
		var ok, okUpdate bool
		s.Filter, ok = doc.Lookup("q").DocumentOK()
		s.Update, okUpdate = doc.Lookup("u").DocumentOK()
		s.Multi, _ = doc.Lookup("multi").BooleanOK()
		s.Upsert, _ = doc.Lookup("upsert").BooleanOK()
		if !ok || !okUpdate {
			return s, code.Errorf(code.FailedToParse, "an update needs q, and u that is a document")
		}
		return s, nil
	})
}

func remove(ctx context.Context, r *request) (bson.D, error) {
	return r.change(ctx, store.Delete, "deletes", func(doc bson.Raw) (s store.Statement, err error) {
		var ok bool
		if s.Filter, ok = doc.Lookup("q").DocumentOK(); !ok {
			return s, code.Errorf(code.FailedToParse, "a delete needs q")
		}
		limit, _ := doc.Lookup("limit").AsInt64OK()
		s.Multi = limit == 0
		return s, nil
	})
}

// change runs a command that writes documents.
func (r *request) change(ctx context.Context, kind store.Kind, field string, read func(bson.Raw) (store.Statement, error)) (bson.D, error) {
	namespace, err := r.namespace()
	if err != nil {
		return nil, err
	}
	docs, err := r.documents(field)
	if err != nil {
		return nil, err
	}
	op := &store.Op{Kind: kind, Namespace: namespace, Ordered: true}
	if ordered, ok := r.body.Lookup("ordered").BooleanOK(); ok {
		op.Ordered = ordered
	}
	for i, doc := range docs {
		s, err := read(doc)
		if err != nil {
			return nil, err
		}
		s.ID = int32(i)
		op.Statements = append(op.Statements, s)
	}
	if err := r.readSession(op); err != nil {
		return nil, err
	}
	concern, err := parseConcern(r.body)
	if err != nil {
		return nil, err
	}
	if err := r.server.checkWritable(); err != nil {
		return nil, err
	}
	result, failed, err := r.server.writeConcerned(ctx, op, concern)
	if err != nil {
		return nil, err
	}
	return outcome(kind, result, failed, retryable(r.body)), nil
}

// readSession reads what makes a write retryable.
func (r *request) readSession(op *store.Op) error {
	number, ok := r.body.Lookup("txnNumber").AsInt64OK()
	if !ok {
		return nil
	}
	if r.body.Lookup("startTransaction").Type != 0 || r.body.Lookup("autocommit").Type != 0 {
		return code.Errorf(code.IllegalOperation, "transactions are not done by the double")
	}
	if r.server.node == nil {
		return code.Errorf(code.IllegalOperation, "Transaction numbers are only allowed on a replica set member or mongos")
	}
	_, id, ok := r.body.Lookup("lsid", "id").BinaryOK()
	if !ok || number < 1 {
		return code.Errorf(code.InvalidOptions, "a txnNumber needs an lsid")
	}
	op.Session, op.Number = id, number
	if ids, ok := r.body.Lookup("stmtIds").ArrayOK(); ok {
		values, err := ids.Values()
		if err != nil || len(values) != len(op.Statements) {
			return code.Errorf(code.InvalidOptions, "stmtIds must be as many as statements")
		}
		for i, v := range values {
			id, _ := v.AsInt64OK()
			op.Statements[i].ID = int32(id)
		}
	}
	return nil
}

// concern is a write concern.
type concern struct {
	members int // 0 is a majority.
	timeout time.Duration
	shown   bson.D
}

func parseConcern(body bson.Raw) (concern, error) {
	c := concern{shown: bson.D{{Key: "w", Value: "majority"}, {Key: "wtimeout", Value: int32(0)}}}
	doc, ok := body.Lookup("writeConcern").DocumentOK()
	if !ok {
		return c, nil
	}
	if text, ok := doc.Lookup("w").StringValueOK(); ok && text != "majority" {
		return c, code.Errorf(79, "No write concern mode named '%s' found in replica set configuration", text)
	}
	if n, ok := doc.Lookup("w").AsInt64OK(); ok {
		if n < 0 || n > 50 {
			return c, code.Errorf(code.FailedToParse, "w has to be a non-negative number and not greater than 50; found: %d", n)
		}
		c.members = max(int(n), 1)
		c.shown[0].Value = int32(n)
	}
	if ms, ok := doc.Lookup("wtimeout").AsInt64OK(); ok {
		c.timeout = time.Duration(ms) * time.Millisecond
		c.shown[1].Value = int32(ms)
	}
	return c, nil
}

// concernError is an answer to a write that was carried out, or will be, but not as surely as was asked.
type concernError struct {
	code.Error
	concern bson.D
	timeout bool
}

// writeConcerned writes and waits for as many copies as the client asked for. Nothing is ever answered before a
// majority has it. What is not known when the client's time is over is answered as if it had been carried out.
func (s *Server) writeConcerned(ctx context.Context, op *store.Op, c concern) (store.Result, *concernError, error) {
	waiting := ctx
	if c.timeout > 0 {
		var cancel context.CancelFunc
		waiting, cancel = context.WithTimeout(ctx, c.timeout)
		defer cancel()
	}
	late := &concernError{code.Error{Code: code.WriteConcernFailed, Message: "waiting for replication timed out"}, c.shown, true}
	result, err := s.write(waiting, op)
	if err != nil {
		if replication.Cut(err) && ctx.Err() == nil {
			n := int32(len(op.Statements))
			return store.Result{N: n, Modified: n}, late, nil
		}
		return result, nil, err
	}
	if s.node == nil || c.members < 2 {
		return result, nil, nil
	}
	if bearing := dataBearing(s.node.Look()); c.members > bearing {
		return result, &concernError{code.Error{Code: code.UnsatisfiableWriteConcern, Message: "Not enough data-bearing nodes"}, c.shown, false}, nil
	}
	err = s.node.AwaitCopies(waiting, result.Index, c.members)
	var coded *code.Error
	switch {
	case err == nil:
		return result, nil, nil
	case errors.As(err, &coded):
		return result, &concernError{*coded, c.shown, false}, nil
	case ctx.Err() == nil && replication.Cut(err):
		return result, late, nil
	}
	return result, nil, err
}

func dataBearing(look replication.Snapshot) int {
	n := 0
	for _, m := range look.Config.Members {
		if !m.ArbiterOnly {
			n++
		}
	}
	return n
}

// outcome is the answer to a write.
func outcome(kind store.Kind, result store.Result, failed *concernError, retryable bool) bson.D {
	d := bson.D{{Key: "n", Value: result.N}}
	if kind == store.Update {
		d = append(d, bson.E{Key: "nModified", Value: result.Modified})
		if len(result.Upserted) > 0 {
			d = append(d, bson.E{Key: "upserted", Value: result.Upserted})
		}
	}
	if len(result.Errors) > 0 {
		d = append(d, bson.E{Key: "writeErrors", Value: result.Errors})
	}
	if len(result.Repeated) > 0 {
		d = append(d, bson.E{Key: "retriedStmtIds", Value: result.Repeated})
	}
	if failed == nil {
		return d
	}
	info := bson.D{{Key: "writeConcern", Value: failed.concern}}
	if failed.timeout {
		info = append(bson.D{{Key: "wtimeout", Value: true}}, info...)
	}
	d = append(d, bson.E{Key: "writeConcernError", Value: bson.D{
		{Key: "code", Value: int32(failed.Code)}, {Key: "codeName", Value: failed.Code.String()},
		{Key: "errmsg", Value: failed.Message}, {Key: "errInfo", Value: info},
	}})
	if retryable && failed.Code.Retryable() {
		d = append(d, bson.E{Key: "errorLabels", Value: bson.A{"RetryableWriteError"}})
	}
	return d
}

func drop(ctx context.Context, r *request) (bson.D, error) {
	namespace, err := r.namespace()
	if err != nil {
		return nil, err
	}
	_, err = r.server.write(ctx, &store.Op{Kind: store.Drop, Namespace: namespace, Statements: []store.Statement{{}}})
	return bson.D{{Key: "ns", Value: namespace}}, err
}

func dropDatabase(ctx context.Context, r *request) (bson.D, error) {
	names, err := r.server.store.Collections(r.db)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		op := &store.Op{Kind: store.Drop, Namespace: r.db + "." + name, Statements: []store.Statement{{}}}
		if _, err := r.server.write(ctx, op); err != nil {
			return nil, err
		}
	}
	return bson.D{{Key: "dropped", Value: r.db}}, nil
}
