// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	gocql "github.com/apache/cassandra-gocql-driver/v2"

	"github.com/quorate/quorate/hack/cql"
	"github.com/quorate/quorate/hack/dial"
)

// row stores a row with Cassandra's own Go driver, by what the connection Secret says,
// and reads it through every member.
func (d *demo) row(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	if err := d.client(ctx); err != nil {
		return err
	}
	said := map[string]string{}
	for _, key := range []string{"port", "username", "password", "datacenter"} {
		value, err := d.connection(ctx, key)
		if err != nil {
			return err
		}
		said[key] = value
	}
	port, err := strconv.Atoi(said["port"])
	if err != nil {
		return fmt.Errorf("read the port of the connection Secret: %w", err)
	}
	dialer, err := dial.New(ctx, d.Target, d.sample.namespace, "client")
	if err != nil {
		return fmt.Errorf("reach the servers: %w", err)
	}
	service, err := d.output(ctx, "-n", d.sample.namespace, "get", "service", d.sample.name+"-client", "-o", "jsonpath={.spec.clusterIP}")
	if err != nil {
		return err
	}
	door := cql.Door{Names: dialer, Port: port, User: said["username"], Password: said["password"]}
	ring, err := door.Alone(service)
	if err != nil {
		return fmt.Errorf("log in with what the connection Secret says: %w", err)
	}
	defer ring.Close()
	if err := d.storeRow(ctx, ring, said["datacenter"]); err != nil {
		return err
	}
	if err := d.readRows(ctx, door); err != nil {
		return err
	}
	door.User, door.Password = "cassandra", "cassandra"
	if s, err := door.Alone(service); err == nil {
		s.Close()
		return errors.New("the superuser whose password everybody knows was let in")
	}
	d.say("as cassandra, the superuser that every new ring has: refused, as it should be")
	return nil
}

// storeRow writes the row, also where an earlier demo has. A majority of its three
// replicas must say that they have it.
func (d *demo) storeRow(ctx context.Context, ring *gocql.Session, datacenter string) error {
	for _, statement := range []string{
		"CREATE KEYSPACE IF NOT EXISTS demo WITH replication = {'class': 'NetworkTopologyStrategy', '" + datacenter + "': 3}",
		"CREATE TABLE IF NOT EXISTS demo.people (id text PRIMARY KEY, name text)",
		"INSERT INTO demo.people (id, name) VALUES ('ada', 'Ada Lovelace')",
	} {
		d.say("cql> %s", statement)
		if err := ring.Query(statement).ExecContext(ctx); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// readRows reads the row through each member.
func (d *demo) readRows(ctx context.Context, door cql.Door) error {
	for i := range 3 {
		pod := fmt.Sprintf("%s-%d", d.sample.name, i)
		address, err := d.output(ctx, "-n", d.sample.namespace, "get", "pod", pod, "-o", "jsonpath={.status.podIP}")
		if err != nil {
			return err
		}
		member, err := door.Alone(address)
		if err != nil {
			return fmt.Errorf("connect to %s: %w", pod, err)
		}
		var name, version string
		err = member.Query("SELECT name FROM demo.people WHERE id = 'ada'").ScanContext(ctx, &name)
		if err == nil {
			err = member.Query("SELECT release_version FROM system.local").ScanContext(ctx, &version)
		}
		member.Close()
		if err != nil {
			return fmt.Errorf("read from %s: %w", pod, err)
		}
		d.say("people['ada'] through %s, which says it is Cassandra %s: %s", pod, version, name)
	}
	return nil
}
