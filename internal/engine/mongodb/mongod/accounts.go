// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongod

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/mongodb"
	"github.com/quorate/quorate/internal/engine/mongodb/users"
	"github.com/quorate/quorate/internal/engine/mongodb/wire"
)

// accountsTimeout bounds one step: a log-in takes the server a while on purpose.
const accountsTimeout = 2 * time.Minute

// refusedFor is after how long an account that the server refused is to be tried
// again: a role may have been made.
var refusedFor = time.Minute

// seenAccounts is what this server was seen to have, as the primary of one election.
type seenAccounts struct {
	state    *engine.AccountState
	election bson.ObjectID
	at       time.Time
}

// accounts has this primary have the users that are wanted, as the administrator,
// and notes what came of it. A server that has another configuration than the step
// was planned on is not asked for any.
func (l *local) accounts(ctx context.Context, s engine.Step) error {
	ctx, cancel := context.WithTimeout(ctx, accountsTimeout)
	defer cancel()
	if s.Accounts == nil || s.Credentials[mongodb.CredentialAdmin] == "" {
		return errors.New("the users, or the administrator's password, did not come with the step")
	}
	wanted, err := users.Of(s)
	if err != nil {
		return err
	}
	root, hello, config, err := l.asRootOfPrimary(ctx, s)
	if err != nil {
		return err
	}
	defer root.Close(ctx)
	refused, err := users.Settle(ctx, root, config.Settings.Identity.Hex(), wanted)
	if err != nil {
		return stale(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen = seenAccounts{state: &engine.AccountState{Revision: s.Accounts.Revision, Refused: refused}, election: hello.Election, at: time.Now()}
	return nil
}

// accountState is what is told of the users by a primary. Another one may have
// changed them since a former election.
func (l *local) accountState(hello wire.Greeting) *engine.AccountState {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !hello.Writable || hello.Election != l.seen.election || l.seen.state == nil {
		return nil
	}
	out := *l.seen.state
	out.Again = len(out.Refused) > 0 && time.Since(l.seen.at) > refusedFor
	return &out
}
