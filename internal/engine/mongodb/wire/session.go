// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/quorate/quorate/internal/engine/mongodb"
)

// The codes of the server that are told apart.
const (
	CodeUserNotFound         = 11
	CodeUnauthorized         = 13
	CodeAuthenticationFailed = 18
	CodeAlreadyInitialized   = 23
	CodeInvalidConfiguration = 93
	CodeNotYetInitialized    = 94
	CodeNewConfiguration     = 103
	CodeConfigurationRunning = 109
	CodeSteppedDown          = 189
	CodeExceededTimeLimit    = 262
	CodeNotCommittedYet      = 308
	CodeNotWritablePrimary   = 10107
	CodeInterrupted          = 11602
	CodeUserExists           = 51003
)

// CodeOf returns the server's code of an error, 0 where there is none.
func CodeOf(err error) int {
	var server mongo.CommandError
	if errors.As(err, &server) {
		return int(server.Code)
	}
	return 0
}

// MovedOn tells the errors of a server that is not, or no longer, the one that was
// meant: there is no more to do than to read again. One that ceased to lead while a
// command was under way cuts it off, and where a write waited for a majority then it
// says so beside the write. Neither tells whether a majority will have what was changed.
func MovedOn(err error) bool {
	code := CodeOf(err)
	var write mongo.WriteException
	if errors.As(err, &write) && write.WriteConcernError != nil {
		code = write.WriteConcernError.Code
	}
	switch code {
	case CodeNewConfiguration, CodeConfigurationRunning, CodeNotCommittedYet, CodeNotWritablePrimary, CodeSteppedDown, CodeInterrupted:
		return true
	}
	return false
}

// MajorityTimeout bounds the wait for a majority to have what was changed; without a
// bound the server would wait for ever.
const MajorityTimeout = 10 * time.Second

// ByMajority has a command return once a majority has what it changed.
var ByMajority = bson.E{Key: "writeConcern", Value: bson.D{{Key: "w", Value: "majority"}, {Key: "wtimeout", Value: MajorityTimeout.Milliseconds()}}}

// Login is a user of the server's; nobody for the zero value.
type Login struct{ User, Password, Database string }

// Session is a connection to the one server, under one login.
type Session struct {
	address string
	client  *mongo.Client
}

// selectTimeout bounds the wait for a server that does not answer.
const selectTimeout = 2 * time.Second

// Open makes a session; nothing is sent yet. It never looks at other members.
func Open(address string, who Login) (*Session, error) {
	o := options.Client().SetHosts([]string{address}).SetDirect(true).SetAppName("quorate-agent").
		SetServerSelectionTimeout(selectTimeout).SetConnectTimeout(selectTimeout).SetMaxPoolSize(4).
		SetServerMonitoringMode(options.ServerMonitoringModePoll)
	if who != (Login{}) {
		o.SetAuth(options.Credential{AuthMechanism: "SCRAM-SHA-256", AuthSource: who.Database, Username: who.User, Password: who.Password, PasswordSet: true})
	}
	client, err := mongo.Connect(o)
	if err != nil {
		return nil, fmt.Errorf("making a client of the server: %w", err)
	}
	return &Session{address: address, client: client}, nil
}

// As makes a session with the same server under another login.
func (s *Session) As(who Login) (*Session, error) { return Open(s.address, who) }

// Close lets go of the connections, also where the caller has given up; what
// fails of that is of no interest.
func (s *Session) Close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), selectTimeout)
	defer cancel()
	_ = s.client.Disconnect(ctx)
}

// Run runs a command of the database admin and reads the answer, unless into is
// nil.
func (s *Session) Run(ctx context.Context, into any, command bson.D) error {
	return s.RunOn(ctx, mongodb.AdminDatabase, into, command)
}

// RunOn is as Run, of another database.
func (s *Session) RunOn(ctx context.Context, database string, into any, command bson.D) error {
	result := s.client.Database(database).RunCommand(ctx, command)
	err := result.Err()
	if err == nil && into != nil {
		err = result.Decode(into)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", command[0].Key, err)
	}
	return nil
}

// Hello is what a server says to anybody.
func (s *Session) Hello(ctx context.Context) (g Greeting, err error) {
	return g, s.Run(ctx, &g, bson.D{{Key: "hello", Value: 1}})
}

// Status is the state of the set as the server sees it.
func (s *Session) Status(ctx context.Context) (st Status, err error) {
	return st, s.Run(ctx, &st, bson.D{{Key: "replSetGetStatus", Value: 1}})
}

// Configuration also tells whether a majority is known to have it; only a
// primary can be asked that.
func (s *Session) Configuration(ctx context.Context, commitment bool) (Configuration, bool, error) {
	var out struct {
		Config    Configuration `bson:"config"`
		Committed bool          `bson:"commitmentStatus"`
	}
	command := bson.D{{Key: "replSetGetConfig", Value: 1}}
	if commitment {
		command = append(command, bson.E{Key: "commitmentStatus", Value: true})
	}
	err := s.Run(ctx, &out, command)
	return out.Config, out.Committed, err
}

// Features is the feature compatibility version.
func (s *Session) Features(ctx context.Context) (string, error) {
	var out struct {
		Features struct {
			Version string `bson:"version"`
		} `bson:"featureCompatibilityVersion"`
	}
	err := s.Run(ctx, &out, bson.D{{Key: "getParameter", Value: 1}, {Key: "featureCompatibilityVersion", Value: 1}})
	return out.Features.Version, err
}

// Version is that of the server's program.
func (s *Session) Version(ctx context.Context) (string, error) {
	var out struct {
		Version string `bson:"version"`
	}
	err := s.Run(ctx, &out, bson.D{{Key: "buildInfo", Value: 1}})
	return out.Version, err
}

// Confirm returns once a majority has agreed that this still is the primary: a
// linearizable read answers only then. What is read does not matter.
func (s *Session) Confirm(ctx context.Context) error {
	command := bson.D{
		{Key: "find", Value: "quorate"}, {Key: "limit", Value: 1}, {Key: "singleBatch", Value: true},
		{Key: "readConcern", Value: bson.D{{Key: "level", Value: "linearizable"}}}, {Key: "maxTimeMS", Value: confirmTimeout.Milliseconds()},
	}
	if err := s.client.Database(ReadDatabase).RunCommand(ctx, command).Err(); err != nil {
		return fmt.Errorf("confirming that this is the primary: %w", err)
	}
	return nil
}

// confirmTimeout bounds the wait for a majority.
const confirmTimeout = 2 * time.Second

// ReadDatabase is the one that the agent may read; nobody keeps data there.
const ReadDatabase = "config"
