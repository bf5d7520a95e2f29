// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongod

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/mongodb"
	"github.com/quorate/quorate/internal/engine/mongodb/wire"
)

// bootstrapTimeout bounds a part of the formation: a server that was just
// initiated needs a moment to become the primary.
const bootstrapTimeout = 20 * time.Second

// errForeignUsers needs a person: the credential of a formed set is not remade.
var errForeignUsers = errors.New("the set has users, and its administrator has another password: " +
	"put that password into the datastore's Secret under the key " + mongodb.CredentialAdmin +
	", or give the user " + mongodb.UserAdmin + ", or " + mongodb.UserAdopter + " in a set that was adopted, the one that is there")

// bootstrap is the formation: the set is initiated, and then its users are made.
// Either part goes on wherever an earlier try was cut off.
func (l *local) bootstrap(ctx context.Context, s engine.Step) error {
	ctx, cancel := context.WithTimeout(ctx, bootstrapTimeout)
	defer cancel()
	switch s.Params[mongodb.ParamPhase] {
	case mongodb.PhaseInitiate:
		return l.initiate(ctx)
	case mongodb.PhaseUsers:
		return l.makeUsers(ctx, s)
	case mongodb.PhaseAdopt:
		return l.introduce(ctx, s)
	}
	return fmt.Errorf("there is no phase %q", s.Params[mongodb.ParamPhase])
}

// initiate forms the set with this member alone, if the volume was granted for
// that and is not known to be part of a set.
func (l *local) initiate(ctx context.Context) error {
	if !l.mayForm() {
		return errors.New("this volume was not granted to form a set, or has formed one")
	}
	nobody, err := l.session(ctx, wire.Login{})
	if err != nil {
		return err
	}
	config := wire.Configuration{Set: l.setName(), Version: 1, Members: []wire.Member{{Number: 0, Host: l.host(), Votes: 1, Priority: 1}}}
	err = nobody.Run(ctx, nil, bson.D{{Key: "replSetInitiate", Value: config}})
	if code := wire.CodeOf(err); code == wire.CodeAlreadyInitialized || code == wire.CodeUnauthorized {
		return nil // an earlier try came as far; who has users is initiated
	}
	return err
}

// makeUsers makes the administrator, over the exception that lets localhost in
// while there is no user, and as the administrator the agents' user.
func (l *local) makeUsers(ctx context.Context, s engine.Step) error {
	admin, agent := s.Credentials[mongodb.CredentialAdmin], s.Credentials[mongodb.CredentialAgent]
	if admin == "" || agent == "" {
		return errors.New("the passwords did not come with the step")
	}
	nobody, err := l.session(ctx, wire.Login{})
	if err != nil {
		return err
	}
	if err := awaitWritable(ctx, nobody); err != nil {
		return err
	}
	err = nobody.Run(ctx, nil, createUser("createUser", l.administrator(), admin, mongodb.Role{Role: "root", DB: mongodb.AdminDatabase}))
	if code := wire.CodeOf(err); err != nil && code != wire.CodeUnauthorized && code != wire.CodeUserExists {
		return err
	}
	root, err := l.asRoot(ctx, s)
	if err != nil {
		return err
	}
	defer root.Close(ctx)
	err = root.Run(ctx, nil, createUser("createUser", mongodb.UserAgent, agent, agentRoles()...))
	if wire.CodeOf(err) == wire.CodeUserExists {
		err = root.Run(ctx, nil, createUser("updateUser", mongodb.UserAgent, agent, agentRoles()...))
	}
	if wire.CodeOf(err) == wire.CodeAuthenticationFailed {
		return errForeignUsers
	}
	return err
}

// agentRoles are the least that the agents' steps need: the state of set and
// server, the configuration, and a read that a majority confirms.
func agentRoles() []mongodb.Role {
	return []mongodb.Role{
		{Role: "clusterMonitor", DB: mongodb.AdminDatabase}, {Role: "clusterManager", DB: mongodb.AdminDatabase}, {Role: "hostManager", DB: mongodb.AdminDatabase},
		{Role: "read", DB: wire.ReadDatabase},
	}
}

// createUser is the command that makes or changes a user. It returns when a
// majority has it.
func createUser(command, user, password string, roles ...mongodb.Role) bson.D {
	return bson.D{
		{Key: command, Value: user}, {Key: "pwd", Value: password}, {Key: "roles", Value: roles},
		{Key: "mechanisms", Value: bson.A{"SCRAM-SHA-256"}}, wire.ByMajority,
	}
}

func awaitWritable(ctx context.Context, s *wire.Session) error {
	err := wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, bootstrapTimeout, true, func(ctx context.Context) (bool, error) {
		g, err := s.Hello(ctx)
		return g.Writable, err
	})
	if err != nil {
		return fmt.Errorf("waiting to be the primary: %w", err)
	}
	return nil
}
