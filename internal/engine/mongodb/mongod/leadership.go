// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongod

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/mongodb/wire"
)

// stepDownFor is how long a primary that stepped down does not stand for election.
const stepDownFor = 60 * time.Second

// catchUpFor is how long a planned step-down waits for somebody to catch up, and
// drainFor how long that of a server which ends in any case.
const (
	catchUpFor = 10 * time.Second
	drainFor   = 4 * time.Second
)

// stepDown has this primary hand over to one that has caught up. Where nobody has
// the server refuses, and that is left so: the step is planned again.
//
// In an adoption it asks another server, which leads and has no agent.
func (l *local) stepDown(ctx context.Context, s engine.Step) error {
	if s.About() != l.config.Member {
		return l.askToHandOver(ctx, s)
	}
	se, err := l.asAgent(ctx)
	if err != nil {
		return err
	}
	config, _, err := se.Configuration(ctx, true)
	if wire.CodeOf(err) == wire.CodeNotWritablePrimary {
		return nil // it is none any more
	}
	if err != nil {
		return err
	}
	if s.Term != 0 && s.Term>>32 != config.Rank()>>32 {
		return fmt.Errorf("%w: it is the primary of term %d", errStale, config.Term)
	}
	return handOver(ctx, se, catchUpFor)
}

// askToHandOver has the server of another member step down, as the agents' user, who is the
// same in all. It is found by the name that this server's configuration has it by.
func (l *local) askToHandOver(ctx context.Context, s engine.Step) error {
	if !l.adopted() {
		return fmt.Errorf("%s asks another server only where that was made by hand", l.config.Member)
	}
	own, err := l.asAgent(ctx)
	if err != nil {
		return err
	}
	config, _, err := own.Configuration(ctx, false)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(config.Members, func(m wire.Member) bool { return l.name(m.Host) == s.About() })
	if i < 0 {
		return fmt.Errorf("%w: %s is in no configuration", errStale, s.About())
	}
	who, _, err := l.agentLogin(ctx)
	if err != nil {
		return err
	}
	se, err := wire.Open(config.Members[i].Host, who)
	if err != nil {
		return err
	}
	defer se.Close(ctx)
	hello, err := se.Hello(ctx)
	if err != nil {
		return fmt.Errorf("of %s: %w", s.About(), err)
	}
	if !hello.Writable {
		return nil // it leads no more
	}
	return handOver(ctx, se, catchUpFor)
}

func handOver(ctx context.Context, se *wire.Session, catchUp time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, 2*catchUp)
	defer cancel()
	err := se.Run(ctx, nil, bson.D{
		{Key: "replSetStepDown", Value: int(stepDownFor.Seconds())}, {Key: "secondaryCatchUpPeriodSecs", Value: int(catchUp.Seconds())},
	})
	switch wire.CodeOf(err) {
	case wire.CodeNotWritablePrimary:
		return nil
	case wire.CodeExceededTimeLimit:
		return fmt.Errorf("no other member has caught up, so that it stays the primary: %w", err)
	}
	return err
}

// Drain has this server step down, if it is the primary and another member can
// take over. It leaves the membership as it is.
func (l *local) Drain(ctx context.Context) error {
	nobody, err := l.session(ctx, wire.Login{})
	if err != nil {
		return err
	}
	if hello, err := nobody.Hello(ctx); err != nil || !hello.Writable {
		return nil //nolint:nilerr // a server that does not answer leads nothing
	}
	se, err := l.asAgent(ctx)
	if err == nil {
		err = handOver(ctx, se, drainFor)
	}
	if err != nil {
		return fmt.Errorf("draining %s: %w", l.config.Member, err)
	}
	return nil
}
