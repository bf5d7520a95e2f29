// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"fmt"
	"slices"
	"time"

	gocql "github.com/apache/cassandra-gocql-driver/v2"
	"golang.org/x/sys/unix"

	"github.com/quorate/quorate/internal/engine"
)

// measureEvery is the pause between two looks at how much there is.
const measureEvery = time.Minute

// measure is what was found last.
type measure struct {
	space   *engine.Space
	largest string
	at      time.Time
}

// measured returns how much the server has and how much is free beside it, which is looked at
// from time to time: it changes with each write. A look that fails says nothing new; it is
// no fault of the server.
func (l *local) measured(ctx context.Context, s *gocql.Session) measure {
	l.mu.Lock()
	last := l.measure
	l.mu.Unlock()
	if last.space != nil && time.Since(last.at) < measureEvery {
		return last
	}
	next, err := look(ctx, s, l.config.DataDir)
	if err != nil {
		return last
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.measure = next
	return next
}

func look(ctx context.Context, s *gocql.Session, dir string) (measure, error) {
	data, largest, err := usage(ctx, s)
	if err != nil {
		return measure{}, err
	}
	free, err := freeOn(dir)
	if err != nil {
		return measure{}, err
	}
	return measure{space: engine.MakeSpace(data, free), largest: largest, at: time.Now()}, nil
}

// ofOneServer are the keyspaces that no other server has anything of.
var ofOneServer = []string{"system", "system_schema"}

// usage is how much the server has that others are to get, and which keyspace has the most.
func usage(ctx context.Context, s *gocql.Session) (total int64, largest string, err error) {
	of := map[string]int64{}
	rows := s.Query("SELECT keyspace_name, mebibytes FROM system_views.disk_usage").IterContext(ctx).Scanner()
	for rows.Next() {
		var name string
		var mebibytes int64
		if err := rows.Scan(&name, &mebibytes); err != nil {
			return 0, "", fmt.Errorf("reading how much data there is: %w", err)
		}
		if !slices.Contains(ofOneServer, name) {
			of[name] += mebibytes << 20
		}
	}
	if err := rows.Err(); err != nil {
		return 0, "", fmt.Errorf("reading how much data there is: %w", err)
	}
	total, largest = sum(of)
	return total, largest, nil
}

// sum adds up what keyspaces have, and names the one that has the most.
func sum(of map[string]int64) (total int64, largest string) {
	for name, n := range of {
		total += n
		if n > of[largest] || n == of[largest] && n > 0 && name < largest {
			largest = name
		}
	}
	return total, largest
}

// freeOn is how much a server without privileges may still write.
func freeOn(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("reading how much room there is on %s: %w", dir, err)
	}
	return int64(s.Bavail) * s.Bsize, nil
}
