// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongod

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/internal/agent/atomicfile"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/mongodb"
	"github.com/quorate/quorate/internal/engine/mongodb/wire"
)

var _ engine.LocalRecoverer = (*local)(nil)

// Recover implements engine.LocalRecoverer. No server runs: what is left for one
// to do is written down.
func (l *local) Recover(r engine.Recovery) error {
	if len(mongodb.Numbers(r.Params[mongodb.ParamMembers])) == 0 {
		return errors.New("the recovery names no members")
	}
	if err := atomicfile.WriteSynced(l.recoveryPath(), []byte(r.Params[mongodb.ParamMembers]), 0o600, func() {}); err != nil {
		return fmt.Errorf("write down who survives: %w", err)
	}
	return nil
}

func (l *local) recoveryPath() string { return filepath.Join(l.config.DataDir, mongodb.RecoveryFile) }

// forgetRecovery removes the word once there is a primary: the recovery is over,
// or was not needed.
func (l *local) forgetRecovery() error {
	if err := os.Remove(l.recoveryPath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget a recovery: %w", err)
	}
	return nil
}

// leaderless tells what is of use while nobody leads.
func (l *local) leaderless(config wire.Configuration, st wire.Status, facts map[string]string) {
	if self, ok := st.Self(); ok && self.Optime.TS.T > 0 {
		facts[mongodb.FactEnd] = mongodb.LogEnd{Term: uint64(max(self.Optime.Term, 0)), Second: uint64(self.Optime.TS.T), Count: uint64(self.Optime.TS.I)}.String()
	}
	var voters []string
	for _, m := range config.Members {
		if m.Votes > 0 {
			voters = append(voters, strconv.Itoa(int(m.Number)))
		}
	}
	facts[mongodb.FactVoters] = strings.Join(voters, ",")
	if word := readText(l.recoveryPath()); word != "" {
		facts[mongodb.FactRecovery] = word
	}
}

// configure forces a configuration of the survivors alone, with their votes, on
// this member: the only forced change there is. It is refused without the user's
// word on this volume, and where anybody leads.
func (l *local) configure(ctx context.Context, s engine.Step) error {
	ctx, cancel := context.WithTimeout(ctx, 2*reconfigTimeout)
	defer cancel()
	survivors := mongodb.Numbers(s.Params[mongodb.ParamMembers])
	if word := readText(l.recoveryPath()); word == "" || word != s.Params[mongodb.ParamMembers] {
		return fmt.Errorf("nobody agreed that the set goes on with %s: this volume has %q", s.Params[mongodb.ParamMembers], word)
	}
	se, err := l.asAgent(ctx)
	if err != nil {
		return err
	}
	hello, err := se.Hello(ctx)
	if err != nil {
		return err
	}
	if hello.Primary != "" {
		return fmt.Errorf("%w: %s is the primary", errStale, hello.Primary)
	}
	config, _, err := se.Configuration(ctx, false)
	if err != nil {
		return err
	}
	config.Members = slices.DeleteFunc(config.Members, func(m wire.Member) bool {
		return !slices.Contains(survivors, strconv.Itoa(int(m.Number)))
	})
	if len(config.Members) != len(survivors) {
		return fmt.Errorf("%w: of the members %s the configuration has %d", errStale, s.Params[mongodb.ParamMembers], len(config.Members))
	}
	for i := range config.Members {
		config.Members[i].Votes, config.Members[i].Priority = 1, 1
	}
	config.Version++
	return se.Run(ctx, nil, bson.D{
		{Key: "replSetReconfig", Value: config}, {Key: "force", Value: true}, {Key: "maxTimeMS", Value: reconfigTimeout.Milliseconds()},
	})
}
