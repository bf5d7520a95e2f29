// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// The codes of the server that are told apart.
const (
	codeUnauthorized         = 13
	codeAuthenticationFailed = 18
	codeAlreadyInitialized   = 23
	codeInvalidConfiguration = 93
	codeNotYetInitialized    = 94
	codeNewConfiguration     = 103
	codeConfigurationRunning = 109
	codeExceededTimeLimit    = 262
	codeNotCommittedYet      = 308
	codeNotWritablePrimary   = 10107
	codeUserExists           = 51003
)

// codeOf returns the server's code of an error, 0 where there is none.
func codeOf(err error) int {
	var server mongo.CommandError
	if errors.As(err, &server) {
		return int(server.Code)
	}
	return 0
}

// login is a user of the server's; nobody for the zero value.
type login struct{ user, password, database string }

// session is a connection to the one server, under one login.
type session struct {
	login  login
	client *mongo.Client
}

// selectTimeout bounds the wait for a server that does not answer.
const selectTimeout = 2 * time.Second

// open makes a session; nothing is sent yet. It never looks at other members.
func open(address string, who login) (*session, error) {
	o := options.Client().SetHosts([]string{address}).SetDirect(true).SetAppName("quorate-agent").
		SetServerSelectionTimeout(selectTimeout).SetConnectTimeout(selectTimeout).SetMaxPoolSize(4).
		SetServerMonitoringMode(options.ServerMonitoringModePoll)
	if who != (login{}) {
		o.SetAuth(options.Credential{AuthMechanism: "SCRAM-SHA-256", AuthSource: who.database, Username: who.user, Password: who.password, PasswordSet: true})
	}
	client, err := mongo.Connect(o)
	if err != nil {
		return nil, fmt.Errorf("making a client of the server: %w", err)
	}
	return &session{login: who, client: client}, nil
}

// close lets go of the connections, also where the caller has given up; what
// fails of that is of no interest.
func (s *session) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), selectTimeout)
	defer cancel()
	_ = s.client.Disconnect(ctx)
}

// run runs a command of the database admin and reads the answer, unless into is
// nil.
func (s *session) run(ctx context.Context, into any, command bson.D) error {
	result := s.client.Database(adminDatabase).RunCommand(ctx, command)
	err := result.Err()
	if err == nil && into != nil {
		err = result.Decode(into)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", command[0].Key, err)
	}
	return nil
}

func (s *session) hello(ctx context.Context) (g greeting, err error) {
	return g, s.run(ctx, &g, bson.D{{Key: "hello", Value: 1}})
}

func (s *session) status(ctx context.Context) (st status, err error) {
	return st, s.run(ctx, &st, bson.D{{Key: "replSetGetStatus", Value: 1}})
}

// configuration also tells whether a majority is known to have it; only a
// primary can be asked that.
func (s *session) configuration(ctx context.Context, commitment bool) (configuration, bool, error) {
	var out struct {
		Config    configuration `bson:"config"`
		Committed bool          `bson:"commitmentStatus"`
	}
	command := bson.D{{Key: "replSetGetConfig", Value: 1}}
	if commitment {
		command = append(command, bson.E{Key: "commitmentStatus", Value: true})
	}
	err := s.run(ctx, &out, command)
	return out.Config, out.Committed, err
}

// features is the feature compatibility version.
func (s *session) features(ctx context.Context) (string, error) {
	var out struct {
		Features struct {
			Version string `bson:"version"`
		} `bson:"featureCompatibilityVersion"`
	}
	err := s.run(ctx, &out, bson.D{{Key: "getParameter", Value: 1}, {Key: "featureCompatibilityVersion", Value: 1}})
	return out.Features.Version, err
}

func (s *session) version(ctx context.Context) (string, error) {
	var out struct {
		Version string `bson:"version"`
	}
	err := s.run(ctx, &out, bson.D{{Key: "buildInfo", Value: 1}})
	return out.Version, err
}

// confirm returns once a majority has agreed that this still is the primary: a
// linearizable read answers only then. What is read does not matter.
func (s *session) confirm(ctx context.Context) error {
	command := bson.D{
		{Key: "find", Value: "quorate"}, {Key: "limit", Value: 1}, {Key: "singleBatch", Value: true},
		{Key: "readConcern", Value: bson.D{{Key: "level", Value: "linearizable"}}}, {Key: "maxTimeMS", Value: confirmTimeout.Milliseconds()},
	}
	if err := s.client.Database(readDatabase).RunCommand(ctx, command).Err(); err != nil {
		return fmt.Errorf("confirming that this is the primary: %w", err)
	}
	return nil
}

// confirmTimeout bounds the wait for a majority.
const confirmTimeout = 2 * time.Second

// readDatabase is the one that the agent may read; nobody keeps data there.
const readDatabase = "config"
