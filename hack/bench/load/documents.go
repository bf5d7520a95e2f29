// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/quorate/quorate/hack/dial"
)

const (
	// patience is for how long the driver may try to bring one write to its end.
	patience = 30 * time.Second
	// heartbeat bounds the driver's connecting and asking whether a server lives; its
	// own default of 30 s would have it wait that long for one that is frozen.
	heartbeat = 3 * time.Second
	// database is where documents are written, each client's to a collection of its
	// own.
	database = "load"
)

// Documents is a client of MongoDB: one document is inserted every 50 ms, which a
// majority has to have, whatever became of those before. What is tried again, and
// at which server, is left to the driver, as its users do it.
type Documents struct {
	client  *mongo.Client
	target  *mongo.Collection
	padding string

	mu     sync.Mutex
	writes []Write
	wg     sync.WaitGroup
}

// NewDocuments prepares a client of the set at an address, which is the one in a
// connection Secret. Servers are found by the names that they have for each other.
func NewDocuments(address string, names dial.Dialer, size int) (*Documents, error) {
	o := options.Client().ApplyURI(address).SetDialer(names).SetAppName("load").
		SetConnectTimeout(heartbeat).SetServerSelectionTimeout(patience).SetTimeout(patience)
	client, err := mongo.Connect(o)
	if err != nil {
		return nil, fmt.Errorf("make a client of the set: %w", err)
	}
	return &Documents{
		client: client, padding: strings.Repeat(".", max(size, 0)),
		target: client.Database(database).Collection(bson.NewObjectID().Hex(),
			options.Collection().SetWriteConcern(writeconcern.Majority()).SetReadConcern(readconcern.Majority())),
	}, nil
}

// Run writes until ctx ends, and returns when the last write has its answer.
func (d *Documents) Run(ctx context.Context) {
	ticker := time.NewTicker(Every)
	defer ticker.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			d.wg.Wait()
			return
		case <-ticker.C:
		}
		// A write that has begun is brought to its end, by its own bounds.
		d.wg.Go(func() { d.write(context.WithoutCancel(ctx), n) })
	}
}

// document is one write.
type document struct {
	Key   string `bson:"_id"`
	Value string `bson:"value"`
}

func (d *Documents) write(ctx context.Context, n int) {
	w := Write{Key: fmt.Sprintf("%s%06d", prefix, n), Value: fmt.Sprintf("value-%d-%s", n, d.padding)}
	_, err := d.target.InsertOne(ctx, document{w.Key, w.Value})
	if err == nil {
		w.Acked = time.Now()
	} else {
		w.Error = err.Error()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.writes = append(d.writes, w)
}

// Writes returns those that have their answer.
func (d *Documents) Writes() []Write {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]Write(nil), d.writes...)
}

// Stored reads all documents that a majority has, with their values.
func (d *Documents) Stored(ctx context.Context) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	found, err := d.target.Find(ctx, bson.D{})
	if err != nil {
		return nil, fmt.Errorf("read the documents: %w", err)
	}
	var all []document
	if err := found.All(ctx, &all); err != nil {
		return nil, fmt.Errorf("read the documents: %w", err)
	}
	out := make(map[string]string, len(all))
	for _, one := range all {
		out[one.Key] = one.Value
	}
	return out, nil
}

// On is the collection as a client of one member has it.
func (d *Documents) On(member *mongo.Client) *mongo.Collection {
	return member.Database(database).Collection(d.target.Name())
}

// Close lets go of the connections.
func (d *Documents) Close(ctx context.Context) error {
	if err := d.client.Disconnect(ctx); err != nil {
		return fmt.Errorf("close the client of the set: %w", err)
	}
	return nil
}
