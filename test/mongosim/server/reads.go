// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/test/mongosim/code"
	"github.com/quorate/quorate/test/mongosim/replication"
	"github.com/quorate/quorate/test/mongosim/store"
)

// checkReadable refuses a read where the client did not allow it, or the member has nothing to show.
func (r *request) checkReadable() error {
	if r.server.node == nil {
		return nil
	}
	look := r.server.node.Look()
	mode, _ := r.body.Lookup("$readPreference", "mode").StringValueOK()
	switch {
	case look.Writable:
		return nil
	case look.State != replication.Secondary && look.State != replication.Primary:
		return code.Errorf(code.NotPrimaryOrSecondary, "node is not in primary or recovering state")
	case mode == "" || mode == "primary":
		return code.Errorf(code.NotPrimaryNoSecondaryOk, "not primary and secondaryOk=false")
	}
	return nil
}

// prepareRead checks that the read is allowed, and for a linearizable one that this still is the primary.
func (r *request) prepareRead(ctx context.Context) error {
	if err := r.checkReadable(); err != nil {
		return err
	}
	level, _ := r.body.Lookup("readConcern", "level").StringValueOK()
	if level != "linearizable" || r.server.node == nil {
		return nil
	}
	_, err := r.server.node.Propose(ctx, &store.Op{Kind: store.Nothing})
	return err
}

// query reads what find and count have in common.
func (r *request) query(filterField string) (store.Query, error) {
	namespace, err := r.namespace()
	if err != nil {
		return store.Query{}, err
	}
	q := store.Query{Namespace: namespace, Filter: empty}
	if filter, ok := r.body.Lookup(filterField).DocumentOK(); ok {
		q.Filter = filter
	}
	q.Skip, _ = r.body.Lookup("skip").AsInt64OK()
	q.Limit, _ = r.body.Lookup("limit").AsInt64OK()
	q.Skip, q.Limit = max(q.Skip, 0), max(q.Limit, -q.Limit)
	if projection, ok := r.body.Lookup("projection").DocumentOK(); ok && len(projection) > len(empty) {
		return q, code.Errorf(code.BadValue, "projections are not done by the double")
	}
	sort, ok := r.body.Lookup("sort").DocumentOK()
	if !ok || len(sort) <= len(empty) {
		return q, nil
	}
	keys, err := sort.Elements()
	if err != nil || len(keys) != 1 {
		return q, code.Errorf(code.BadValue, "the double sorts by one key")
	}
	direction, _ := keys[0].Value().AsInt64OK()
	q.SortBy, q.Descending = keys[0].Key(), direction < 0
	return q, nil
}

func find(ctx context.Context, r *request) (bson.D, error) {
	if err := r.prepareRead(ctx); err != nil {
		return nil, err
	}
	q, err := r.query("filter")
	if err != nil {
		return nil, err
	}
	docs, err := r.server.store.Find(q)
	if err != nil {
		return nil, err
	}
	single, _ := r.body.Lookup("singleBatch").BooleanOK()
	return r.server.cursors.first(q.Namespace, docs, batchSize(r.body), single), nil
}

func batchSize(body bson.Raw) int {
	for _, path := range [][]string{{"batchSize"}, {"cursor", "batchSize"}} {
		if n, ok := body.Lookup(path...).AsInt64OK(); ok {
			return int(n)
		}
	}
	return firstBatch
}

func count(ctx context.Context, r *request) (bson.D, error) {
	if err := r.prepareRead(ctx); err != nil {
		return nil, err
	}
	q, err := r.query("query")
	if err != nil {
		return nil, err
	}
	docs, err := r.server.store.Find(q)
	return bson.D{{Key: "n", Value: int32(len(docs))}}, err
}

// aggregate does what drivers ask for to count documents, and nothing else.
func aggregate(ctx context.Context, r *request) (bson.D, error) {
	if err := r.prepareRead(ctx); err != nil {
		return nil, err
	}
	q, err := r.query("")
	if err != nil {
		return nil, err
	}
	stages, err := r.documents("pipeline")
	if err != nil {
		return nil, err
	}
	for _, stage := range stages {
		if err := countStage(stage, &q); err != nil {
			return nil, err
		}
	}
	docs, err := r.server.store.Find(q)
	if err != nil {
		return nil, err
	}
	var counted []bson.Raw
	if len(docs) > 0 {
		raw, err := bson.Marshal(bson.D{{Key: "_id", Value: int32(1)}, {Key: "n", Value: int32(len(docs))}})
		if err != nil {
			return nil, err
		}
		counted = []bson.Raw{raw}
	}
	return r.server.cursors.first(q.Namespace, counted, firstBatch, true), nil
}

func countStage(stage bson.Raw, q *store.Query) error {
	e, err := stage.IndexErr(0)
	if err != nil {
		return code.Errorf(code.BadValue, "a stage must not be empty")
	}
	switch e.Key() {
	case "$match":
		q.Filter, _ = e.Value().DocumentOK()
	case "$skip":
		q.Skip, _ = e.Value().AsInt64OK()
	case "$limit":
		q.Limit, _ = e.Value().AsInt64OK()
	case "$group":
		group, _ := e.Value().DocumentOK()
		if one, ok := group.Lookup("n", "$sum").AsInt64OK(); !ok || one != 1 {
			return code.Errorf(code.BadValue, "of $group the double only counts")
		}
	default:
		return code.Errorf(40324, "Unrecognized pipeline stage name: '%s'", e.Key())
	}
	return nil
}

func listCollections(ctx context.Context, r *request) (bson.D, error) {
	if err := r.prepareRead(ctx); err != nil {
		return nil, err
	}
	names, err := r.server.store.Collections(r.db)
	if err != nil {
		return nil, err
	}
	wanted, filtered := r.body.Lookup("filter", "name").StringValueOK()
	var docs []bson.Raw
	for _, name := range names {
		if filtered && name != wanted {
			continue
		}
		raw, err := bson.Marshal(bson.D{{Key: "name", Value: name}, {Key: "type", Value: "collection"},
			{Key: "options", Value: bson.D{}}, {Key: "info", Value: bson.D{{Key: "readOnly", Value: false}}}})
		if err != nil {
			return nil, err
		}
		docs = append(docs, raw)
	}
	return r.server.cursors.first(r.db+".$cmd.listCollections", docs, len(docs)+1, true), nil
}

func listDatabases(ctx context.Context, r *request) (bson.D, error) {
	if err := r.prepareRead(ctx); err != nil {
		return nil, err
	}
	names, err := r.server.store.Namespaces()
	if err != nil {
		return nil, err
	}
	list, last := bson.A{}, ""
	for _, name := range names { // sorted, so those of one database follow each other.
		db, _, _ := strings.Cut(name, ".")
		if db != last {
			list = append(list, bson.D{{Key: "name", Value: db}, {Key: "sizeOnDisk", Value: int64(4096)}, {Key: "empty", Value: false}})
		}
		last = db
	}
	return bson.D{{Key: "databases", Value: list}, {Key: "totalSize", Value: int64(4096 * len(list))}}, nil
}
