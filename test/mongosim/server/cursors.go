// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"math/rand/v2"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/test/mongosim/code"
)

// firstBatch is how many documents come with the answer to a find that does not say; batchBytes bounds any batch.
const (
	firstBatch = 101
	batchBytes = 15 << 20
)

// cursors are what is left of finds. They live until they are read to the end or killed.
type cursors struct {
	mu   sync.Mutex
	open map[int64]*cursor
}

type cursor struct {
	namespace string
	rest      []bson.Raw
}

// first is the answer to a find.
func (c *cursors) first(namespace string, docs []bson.Raw, size int, single bool) bson.D {
	batch, rest := cut(docs, size)
	id := int64(0)
	if len(rest) > 0 && !single {
		c.mu.Lock()
		if c.open == nil {
			c.open = map[int64]*cursor{}
		}
		id = rand.Int64N(1<<62) + 1
		c.open[id] = &cursor{namespace, rest}
		c.mu.Unlock()
	}
	return cursorReply("firstBatch", namespace, batch, id)
}

func cut(docs []bson.Raw, size int) (batch, rest []bson.Raw) {
	bytes := 0
	for i, doc := range docs {
		if bytes += len(doc); i >= size || i > 0 && bytes > batchBytes {
			return docs[:i], docs[i:]
		}
	}
	return docs, nil
}

func cursorReply(field, namespace string, batch []bson.Raw, id int64) bson.D {
	if batch == nil {
		batch = []bson.Raw{}
	}
	return bson.D{{Key: "cursor", Value: bson.D{
		{Key: field, Value: batch}, {Key: "id", Value: id}, {Key: "ns", Value: namespace},
	}}}
}

func getMore(_ context.Context, r *request) (bson.D, error) {
	c := &r.server.cursors
	id, _ := r.body.Lookup("getMore").AsInt64OK()
	size, ok := r.body.Lookup("batchSize").AsInt64OK()
	c.mu.Lock()
	defer c.mu.Unlock()
	open := c.open[id]
	if open == nil {
		return nil, code.Errorf(code.CursorNotFound, "cursor id %d not found", id)
	}
	if !ok || size <= 0 {
		size = int64(len(open.rest))
	}
	batch, rest := cut(open.rest, int(size))
	if open.rest = rest; len(rest) == 0 {
		delete(c.open, id)
		id = 0
	}
	return cursorReply("nextBatch", open.namespace, batch, id), nil
}

func killCursors(_ context.Context, r *request) (bson.D, error) {
	c := &r.server.cursors
	array, _ := r.body.Lookup("cursors").ArrayOK()
	values, err := array.Values()
	if err != nil {
		return nil, code.Errorf(code.BadValue, "reading cursors: %v", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	killed, missing := bson.A{}, bson.A{}
	for _, v := range values {
		id, _ := v.AsInt64OK()
		if c.open[id] == nil {
			missing = append(missing, id)
			continue
		}
		delete(c.open, id)
		killed = append(killed, id)
	}
	return bson.D{{Key: "cursorsKilled", Value: killed}, {Key: "cursorsNotFound", Value: missing}}, nil
}
