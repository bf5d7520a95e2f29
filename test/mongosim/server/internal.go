// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/test/mongosim/code"
	"github.com/quorate/quorate/test/mongosim/replication"
)

// set returns the member, for commands that need one.
func (s *Server) set() (*replication.Node, error) {
	if s.node == nil {
		return nil, code.Errorf(code.NoReplicationEnabled, "not running with --replSet")
	}
	return s.node, nil
}

func isSelf(_ context.Context, r *request) (bson.D, error) {
	id := r.server.instance
	if r.server.node != nil {
		id = r.server.node.Instance()
	}
	return bson.D{{Key: "id", Value: id}}, nil
}

func heartbeat(_ context.Context, r *request) (bson.D, error) {
	node, err := r.server.set()
	if err != nil {
		return nil, err
	}
	return document(node.Heartbeat(r.body))
}

func consensus(_ context.Context, r *request) (bson.D, error) {
	node, err := r.server.set()
	if err != nil {
		return nil, err
	}
	return nil, node.Receive(r.body)
}

func beginCopy(ctx context.Context, r *request) (bson.D, error) {
	node, err := r.server.set()
	if err != nil {
		return nil, err
	}
	return document(node.BeginCopy(ctx))
}

func copyPart(_ context.Context, r *request) (bson.D, error) {
	node, err := r.server.set()
	if err != nil {
		return nil, err
	}
	id, _ := r.body.Lookup("replSetCopyPart").ObjectIDOK()
	part, _ := r.body.Lookup("part").AsInt64OK()
	return document(node.CopyPart(id, int(part)))
}

// document makes an answer of a structure.
func document(value any, err error) (bson.D, error) {
	if err != nil {
		return nil, err
	}
	raw, err := bson.Marshal(value)
	if err != nil {
		return nil, err
	}
	var d bson.D
	return d, bson.Unmarshal(raw, &d)
}
