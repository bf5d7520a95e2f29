// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	gocql "github.com/apache/cassandra-gocql-driver/v2"
	"k8s.io/apimachinery/pkg/util/rand"

	"github.com/quorate/quorate/hack/cql"
)

const (
	// Keyspace is where rows are written, each client's to a table of its own.
	Keyspace = "load"
	// Copies is how many replicas each row has.
	Copies = 3
)

// Rows is a client of Cassandra: one row is inserted every 50 ms, which a majority of
// its replicas has to have, whatever became of those before. What is tried again, and
// at which member, is left to the driver.
type Rows struct {
	session        *gocql.Session
	table, padding string

	mu     sync.Mutex
	writes []Write
	wg     sync.WaitGroup
}

// NewRows prepares a client of the ring that some points are in, and a table for it.
func NewRows(ctx context.Context, door cql.Door, points []string, size int) (*Rows, error) {
	session, err := door.Ring(points...)
	if err != nil {
		return nil, fmt.Errorf("make a client of the ring: %w", err)
	}
	r := &Rows{session: session, table: Keyspace + ".t" + rand.String(8), padding: strings.Repeat(".", max(size, 0))}
	for _, statement := range r.schema() {
		if err := session.Query(statement).ExecContext(ctx); err != nil {
			session.Close()
			return nil, fmt.Errorf("%s: %w", statement, err)
		}
	}
	return r, nil
}

// schema is what is made before rows can be written.
func (r *Rows) schema() []string {
	return []string{
		fmt.Sprintf("CREATE KEYSPACE IF NOT EXISTS %s WITH replication = {'class': 'NetworkTopologyStrategy', 'replication_factor': %d}", Keyspace, Copies),
		"CREATE TABLE IF NOT EXISTS " + r.table + " (key text PRIMARY KEY, value text)",
	}
}

// Run writes until ctx ends, and returns when the last write has its answer.
func (r *Rows) Run(ctx context.Context) {
	ticker := time.NewTicker(Every)
	defer ticker.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			r.wg.Wait()
			return
		case <-ticker.C:
		}
		// A write that has begun is brought to its end, by its own bounds.
		r.wg.Go(func() { r.write(context.WithoutCancel(ctx), n) })
	}
}

func (r *Rows) write(ctx context.Context, n int) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	w := Write{Key: fmt.Sprintf("%s%06d", prefix, n), Value: fmt.Sprintf("value-%d-%s", n, r.padding)}
	err := r.session.Query("INSERT INTO "+r.table+" (key, value) VALUES (?, ?)", w.Key, w.Value).ExecContext(ctx)
	if err == nil {
		w.Acked = time.Now()
	} else {
		w.Error = err.Error()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.writes = append(r.writes, w)
}

// Writes returns those that have their answer.
func (r *Rows) Writes() []Write {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Write(nil), r.writes...)
}

// Stored reads all rows, each from a majority of its replicas, with their values.
func (r *Rows) Stored(ctx context.Context) (map[string]string, error) {
	return r.StoredBy(ctx, r.session)
}

// StoredBy is the same by way of another session, such as one with a single member.
func (r *Rows) StoredBy(ctx context.Context, session *gocql.Session) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	out := map[string]string{}
	rows := session.Query("SELECT key, value FROM " + r.table).IterContext(ctx).Scanner()
	for rows.Next() {
		var key, value string
		if err := rows.Scan(&key, &value); err != nil {
			return nil, fmt.Errorf("read the rows: %w", err)
		}
		out[key] = value
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the rows: %w", err)
	}
	return out, nil
}

// Close lets go of the connections.
func (r *Rows) Close() { r.session.Close() }
