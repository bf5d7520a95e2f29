// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"os"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/test/mongosim/code"
	"github.com/quorate/quorate/test/mongosim/store"
	"github.com/quorate/quorate/test/mongosim/wire"
)

const fcvParameter = "featureCompatibilityVersion"

func buildInfo(_ context.Context, r *request) (bson.D, error) {
	rel := r.server.options.Release
	return bson.D{
		{Key: "version", Value: rel.Version}, {Key: "gitVersion", Value: "mongosim"}, {Key: "modules", Value: bson.A{"mongosim"}},
		{Key: "versionArray", Value: rel.Array()}, {Key: "bits", Value: int32(64)}, {Key: "debug", Value: false},
		{Key: "maxBsonObjectSize", Value: int32(wire.MaxDocument)}, {Key: "storageEngines", Value: bson.A{"mongosim"}},
	}, nil
}

func serverStatus(_ context.Context, r *request) (bson.D, error) {
	s := r.server
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	current := len(s.conns)
	s.mu.Unlock()
	uptime := time.Since(s.started)
	d := bson.D{
		{Key: "host", Value: host}, {Key: "version", Value: s.options.Release.Version}, {Key: "process", Value: "mongod"},
		{Key: "pid", Value: int64(os.Getpid())}, {Key: "uptime", Value: uptime.Seconds()},
		{Key: "uptimeMillis", Value: uptime.Milliseconds()}, {Key: "localTime", Value: time.Now().UTC()},
		{Key: "connections", Value: bson.D{{Key: "current", Value: int32(current)}, {Key: "totalCreated", Value: s.lastConn.Load()}}},
		{Key: "storageEngine", Value: bson.D{{Key: "name", Value: "mongosim"}}},
	}
	if s.node != nil {
		repl := describe(s.node.Look(), s.options.SetName, "isWritablePrimary")
		d = append(d, bson.E{Key: "repl", Value: repl})
	}
	return d, nil
}

func getCmdLineOpts(_ context.Context, r *request) (bson.D, error) {
	return bson.D{{Key: "argv", Value: r.server.options.Arguments}, {Key: "parsed", Value: r.server.options.Parsed}}, nil
}

func (s *Server) shownFCV() (bson.D, error) {
	version, err := s.store.FCV()
	if err == nil && version == "" {
		err = code.Errorf(code.NotYetInitialized, "the featureCompatibilityVersion is not known yet")
	}
	return bson.D{{Key: "version", Value: version}}, err
}

// setFCV changes the version of the data. It cannot be taken back without saying so, hence confirm.
func setFCV(ctx context.Context, r *request) (bson.D, error) {
	rel := r.server.options.Release
	version, _ := r.body.Lookup(r.name).StringValueOK()
	if !slices.Contains(rel.Accepts, version) {
		return nil, code.Errorf(code.BadValue, "Invalid feature version value '%s'; expected one of the versions %v", version, rel.Accepts)
	}
	if err := r.server.checkWritable(); err != nil {
		return nil, err
	}
	if sure, _ := r.body.Lookup("confirm").BooleanOK(); !sure {
		return nil, code.Errorf(code.UnconfirmedFCV, "Once you have changed the FCV you cannot go back without a downgrade. Please re-run this command with 'confirm: true'")
	}
	op, err := store.SetFCV(version)
	if err != nil {
		return nil, err
	}
	_, err = r.server.write(ctx, op)
	return nil, err
}
