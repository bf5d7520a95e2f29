// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"encoding/binary"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/test/mongosim/code"
	"github.com/quorate/quorate/test/mongosim/replication"
	"github.com/quorate/quorate/test/mongosim/replset"
	"github.com/quorate/quorate/test/mongosim/wire"
)

// hello tells a client what this server is. One that sends the topology version it knows, and how long it would wait,
// is answered when that has changed.
func hello(ctx context.Context, r *request) (bson.D, error) {
	s := r.server
	writable := "isWritablePrimary"
	if r.name != "hello" {
		writable = "ismaster"
	}
	reply := bson.D{}
	if ok, _ := r.body.Lookup("helloOk").BooleanOK(); ok {
		reply = append(reply, bson.E{Key: "helloOk", Value: true})
	}
	if s.node == nil {
		reply = append(reply, bson.E{Key: writable, Value: true})
	} else {
		look := awaitHello(ctx, r)
		if look.Quiesced {
			return nil, code.Errorf(code.ShutdownInProgress, "The server is in quiesce mode and will shut down")
		}
		reply = append(reply, describe(look, s.options.SetName, writable)...)
	}
	reply = append(reply, bson.D{
		{Key: "maxBsonObjectSize", Value: int32(wire.MaxDocument)},
		{Key: "maxMessageSizeBytes", Value: int32(wire.MaxMessage)},
		{Key: "maxWriteBatchSize", Value: int32(100000)},
		{Key: "localTime", Value: time.Now().UTC()},
		{Key: "logicalSessionTimeoutMinutes", Value: int32(30)},
		{Key: "connectionId", Value: int32(r.id)},
		{Key: "minWireVersion", Value: int32(0)},
		{Key: "maxWireVersion", Value: s.options.Release.MaxWire},
		{Key: "readOnly", Value: false},
	}...)
	return append(reply, helloAuth(r)...), nil
}

func awaitHello(ctx context.Context, r *request) replication.Snapshot {
	node := r.server.node
	known, ok := r.body.Lookup("topologyVersion").DocumentOK()
	wait, _ := r.body.Lookup("maxAwaitTimeMS").AsInt64OK()
	look := node.Look()
	if !ok || wait <= 0 {
		return look
	}
	process, _ := known.Lookup("processId").ObjectIDOK()
	counter, _ := known.Lookup("counter").AsInt64OK()
	if process != look.Process || counter != look.Counter {
		return look
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(wait)*time.Millisecond)
	defer cancel()
	node.AwaitChange(ctx, counter)
	return node.Look()
}

func describe(look replication.Snapshot, setName, writable string) bson.D {
	d := bson.D{{Key: "topologyVersion", Value: bson.D{
		{Key: "processId", Value: look.Process}, {Key: "counter", Value: look.Counter},
	}}}
	d = append(d, bson.E{Key: writable, Value: look.Writable})
	d = append(d, bson.E{Key: "secondary", Value: look.State == replication.Secondary})
	if look.Config == nil || look.Self < 0 {
		if look.Config != nil {
			d = append(d, bson.E{Key: "setName", Value: setName})
		}
		return append(d, bson.E{Key: "info", Value: "Does not have a valid replica set config"}, bson.E{Key: "isreplicaset", Value: true})
	}
	d = append(d, bson.E{Key: "setName", Value: setName}, bson.E{Key: "setVersion", Value: look.Config.Version})
	d = append(d, lists(look.Config)...)
	d = append(d, role(look.Config.Members[look.Self])...)
	if look.Primary != "" {
		d = append(d, bson.E{Key: "primary", Value: look.Primary})
	}
	d = append(d, bson.E{Key: "me", Value: look.Config.Members[look.Self].Host})
	if look.Writable {
		d = append(d, bson.E{Key: "electionId", Value: electionID(look.Term)})
	}
	return append(d, bson.E{Key: "lastWrite", Value: bson.D{
		{Key: "opTime", Value: bson.D{{Key: "ts", Value: look.Optime}, {Key: "t", Value: look.OpTerm}}},
		{Key: "lastWriteDate", Value: look.Wall},
		{Key: "majorityOpTime", Value: bson.D{{Key: "ts", Value: look.Optime}, {Key: "t", Value: look.OpTerm}}},
		{Key: "majorityWriteDate", Value: look.Wall},
	}})
}

// lists sorts the members for clients. Hidden ones are nowhere; that those with priority 0 are passives is unverified.
func lists(c *replset.Config) bson.D {
	hosts, passives, arbiters := bson.A{}, bson.A{}, bson.A{}
	for _, m := range c.Members {
		switch {
		case m.Hidden:
		case m.ArbiterOnly:
			arbiters = append(arbiters, m.Host)
		case m.Priority == 0:
			passives = append(passives, m.Host)
		default:
			hosts = append(hosts, m.Host)
		}
	}
	d := bson.D{{Key: "hosts", Value: hosts}}
	if len(passives) > 0 {
		d = append(d, bson.E{Key: "passives", Value: passives})
	}
	if len(arbiters) > 0 {
		d = append(d, bson.E{Key: "arbiters", Value: arbiters})
	}
	return d
}

func role(m replset.Member) (d bson.D) {
	if m.ArbiterOnly {
		d = append(d, bson.E{Key: "arbiterOnly", Value: true})
	} else if m.Priority == 0 {
		d = append(d, bson.E{Key: "passive", Value: true})
	}
	if m.Hidden {
		d = append(d, bson.E{Key: "hidden", Value: true})
	}
	return d
}

// electionID grows with the term, which is how clients tell an old primary from a new one.
func electionID(term int64) (id bson.ObjectID) {
	binary.BigEndian.PutUint32(id[:], 0x7fffffff)
	binary.BigEndian.PutUint64(id[4:], uint64(term))
	return id
}
