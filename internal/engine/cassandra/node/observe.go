// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	gocql "github.com/apache/cassandra-gocql-driver/v2"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/cassandra"
)

// callTimeout bounds an observation.
const callTimeout = 10 * time.Second

// silence is for how long a member's heartbeat may not be heard that counts as up. A
// server counts its own every second and tells some of the others.
const silence = 15 * time.Second

// heart is the last heartbeat that was heard of a member, and when it was heard first.
type heart struct {
	generation, beat int
	at               time.Time
}

// Observe reads what the server knows, over CQL alone.
//
// A server answers no client while it joins, and after it has left: then no more is
// known than that it runs. Before the roles are made nobody can log in, and no more is
// known than that it has joined.
func (l *local) Observe(ctx context.Context) (engine.Server, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if !listens(ctx, l.place.address, l.place.native) {
		l.forget()
		return engine.Server{Running: listens(ctx, l.place.address, l.place.jmx)}, nil
	}
	out := engine.Server{Running: true, Formed: true, Facts: map[string]string{cassandra.FactRoles: cassandra.RolesPending}}
	s, opened, err := l.own()
	if err != nil {
		return out, nil //nolint:nilerr // nobody can log in yet
	}
	err = l.describe(ctx, s, &out)
	if refused := gocql.RequestError(nil); errors.As(err, &refused) && refused.Code() == gocql.ErrCodeUnauthorized {
		return engine.Server{Running: true, Formed: true, Facts: map[string]string{cassandra.FactRoles: cassandra.RolesPending}}, nil
	}
	if err != nil {
		if !worthKeeping(opened, ctx.Err()) {
			l.forget()
		}
		return engine.Server{Running: true, Formed: true}, fmt.Errorf("asking %s: %w", l.config.Member, err)
	}
	return out, nil
}

// worthKeeping tells whether a session may be good though it was of no use this time: opening
// it can take as long as a look may, and whoever dropped it then would open another one
// for ever.
func worthKeeping(opened bool, end error) bool {
	return opened && errors.Is(end, context.DeadlineExceeded)
}

func (l *local) describe(ctx context.Context, s *gocql.Session, out *engine.Server) error {
	out.Facts[cassandra.FactRoles] = cassandra.RolesReady
	self := engine.Peer{Voter: true, Healthy: true}
	var bootstrapped string
	err := s.Query("SELECT host_id, broadcast_address, release_version, bootstrapped FROM system.local").
		ScanContext(ctx, (*uuid)(&self.ID), (*address)(&self.Address), &out.Version, &bootstrapped)
	if err != nil {
		return fmt.Errorf("reading system.local: %w", err)
	}
	out.ID, self.Version = self.ID, out.Version
	out.Serving = bootstrapped == "COMPLETED"
	seen, err := l.see(ctx, s, self.Address)
	if err != nil {
		return err
	}
	out.Leaving = seen.own == statusLeaving && l.moves(ctx)
	out.View = &engine.View{Peers: append(seen.peers, self)}
	slices.SortFunc(out.View.Peers, func(a, b engine.Peer) int { return strings.Compare(a.ID, b.ID) })
	copies, err := readReplication(ctx, s)
	if err != nil {
		return err
	}
	copies.facts(out.Facts)
	if err := l.upkeep(out.View, seen.leaving, out.Facts); err != nil {
		return err
	}
	m := l.measured(ctx, s)
	out.Space, out.Facts[cassandra.FactLargest] = m.space, m.largest
	return nil
}

// hears notes down a heartbeat and tells whether it goes on. One that was never heard
// before has not stopped yet.
func (l *local) hears(at string, h heart) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	last, known := l.hearts[at]
	if !known || last.generation != h.generation || last.beat != h.beat {
		h.at = time.Now()
		l.hearts[at] = h
		return true
	}
	return time.Since(last.at) < silence
}

// own keyspaces are those whose replication the operator sets.
var ownKeyspaces = []string{"system_traces", "system_distributed", "system_auth"}

// datacenterOf asks a server for its datacenter.
func datacenterOf(ctx context.Context, s *gocql.Session) (name string, err error) {
	if err := s.Query("SELECT data_center FROM system.local").ScanContext(ctx, &name); err != nil {
		return "", fmt.Errorf("reading the datacenter: %w", err)
	}
	return name, nil
}

// replication is what the keyspaces have.
type replication struct {
	datacenter string
	// own are the factors of the operator's keyspaces; one that has none for the
	// datacenter is in elsewhere, with the factor that it has for all servers there are.
	own, elsewhere map[string]int
	// most is the largest factor of the users' keyspaces, and keyspace one that has it.
	most     int
	keyspace string
}

// readReplication reads the replication factors in the datacenter.
func readReplication(ctx context.Context, s *gocql.Session) (r replication, err error) {
	if r.datacenter, err = datacenterOf(ctx, s); err != nil {
		return r, err
	}
	r.own, r.elsewhere = map[string]int{}, map[string]int{}
	rows := s.Query("SELECT keyspace_name, replication FROM system_schema.keyspaces").IterContext(ctx).Scanner()
	for rows.Next() {
		var name string
		var settings map[string]string
		if err := rows.Scan(&name, &settings); err != nil {
			return r, fmt.Errorf("reading the replication factors: %w", err)
		}
		r.add(name, settings)
	}
	if err := rows.Err(); err != nil {
		return r, fmt.Errorf("reading the replication factors: %w", err)
	}
	return r, nil
}

func (r *replication) add(name string, settings map[string]string) {
	factor, inDatacenter := factorOf(settings, r.datacenter)
	switch {
	case slices.Contains(ownKeyspaces, name) && inDatacenter:
		r.own[name] = factor
	case slices.Contains(ownKeyspaces, name):
		r.elsewhere[name] = factor
	case factor > r.most || factor == r.most && factor > 0 && name < r.keyspace:
		r.most, r.keyspace = factor, name // the rows are in no order that is the same on every member
	}
}

// facts tells of them; nothing of the operator's keyspaces where one is missing.
func (r *replication) facts(into map[string]string) {
	into[cassandra.FactKeyspace], into[cassandra.FactData] = r.keyspace, strconv.Itoa(r.most)
	if len(r.own)+len(r.elsewhere) != len(ownKeyspaces) {
		return
	}
	factors := slices.Sorted(maps.Values(r.own))
	if len(r.elsewhere) > 0 {
		factors = append([]int{0}, factors...)
	}
	into[cassandra.FactFactor], into[cassandra.FactMost] = strconv.Itoa(factors[0]), strconv.Itoa(factors[len(factors)-1])
}

// changed returns the factors that keyspaces are to be given so that none has fewer than
// least, nor more than most; 0 is no bound. One that is lowered is lowered by one. What a
// keyspace has for all servers there are, of so many members, it is given for the
// datacenter, so that it has no fewer copies.
func (r *replication) changed(least, most, members int) map[string]int {
	out := map[string]int{}
	for name, now := range r.own {
		switch {
		case now < least:
			out[name] = least
		case most > 0 && now > most:
			out[name] = now - 1
		}
	}
	for name, now := range r.elsewhere {
		out[name] = max(1, least, min(now, members))
	}
	return out
}

// factorOf reads one keyspace's, and tells whether it is set for the datacenter.
func factorOf(replication map[string]string, datacenter string) (factor int, inDatacenter bool) {
	text, inDatacenter := replication[datacenter]
	if !inDatacenter {
		text = replication["replication_factor"]
	}
	text, _, _ = strings.Cut(text, "/") // of transient replicas
	factor, err := strconv.Atoi(text)
	if err != nil {
		return 0, false // the server's own, of one member each
	}
	return factor, inDatacenter
}
