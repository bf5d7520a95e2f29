// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongod

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/mongodb"
	"github.com/quorate/quorate/internal/engine/mongodb/wire"
)

// errStale means that the server has moved on since the step was planned.
var errStale = errors.New("the server has moved on since this was planned")

// Do carries out one step. All are idempotent: what is already so is left so. A
// step of the primary's is refused by a server that is none, or whose
// configuration is another than the step was planned on.
func (l *local) Do(ctx context.Context, s engine.Step) error {
	do := map[engine.StepKind]func(context.Context, engine.Step) error{
		engine.StepBootstrap: l.bootstrap,
		engine.StepJoin:      l.join,
		engine.StepPromote:   l.promote,
		engine.StepDemote:    l.demote,
		engine.StepLeave:     l.leave,
		engine.StepEvictDead: l.evict,
		engine.StepStepDown:  l.stepDown,
		engine.StepFinalize:  l.finalize,
		engine.StepConfigure: l.configure,
		engine.StepAccounts:  l.accounts,
		engine.StepRotateKey: l.rotatePassword,
	}[s.Kind]
	if do == nil {
		return fmt.Errorf("%s: MongoDB knows no step %q", l.config.Member, s.Kind)
	}
	if err := do(ctx, s); err != nil {
		return fmt.Errorf("%s of %s: %w", s.Kind, s.About(), err)
	}
	return nil
}

// planned returns the configuration if it is still the one that a step was planned on.
func planned(ctx context.Context, se *wire.Session, s engine.Step) (wire.Configuration, error) {
	config, _, err := se.Configuration(ctx, true)
	if err != nil {
		return config, stale(err)
	}
	if s.Term != config.Rank() {
		return config, another(config)
	}
	return config, nil
}

// another is that the server has another configuration by now.
func another(config wire.Configuration) error {
	return fmt.Errorf("%w: the configuration is version %d of term %d", errStale, config.Version, config.Term)
}

// reconfigTimeout bounds the wait for a majority to have a configuration.
const reconfigTimeout = wire.MajorityTimeout

// reconfigure changes the configuration that a step was planned on. A server that
// answers that it has another one by now, that another change is running, or that
// the last one is not committed yet, is asked again when the step is planned
// anew; nothing is ever forced.
func (l *local) reconfigure(ctx context.Context, s engine.Step, change func(*wire.Configuration, wire.Status) error) error {
	ctx, cancel := context.WithTimeout(ctx, 2*reconfigTimeout)
	defer cancel()
	se, err := l.asAgent(ctx)
	if err != nil {
		return err
	}
	config, _, err := se.Configuration(ctx, true)
	if err != nil {
		return stale(err)
	}
	if s.Term != 0 && s.Term != config.Rank() {
		return another(config)
	}
	st, err := se.Status(ctx)
	if err != nil {
		return err
	}
	before := slices.Clone(config.Members)
	if err := change(&config, st); err != nil {
		return err
	}
	if slices.EqualFunc(before, config.Members, func(a, b wire.Member) bool {
		return a.Number == b.Number && a.Votes == b.Votes && a.Priority == b.Priority
	}) {
		return nil
	}
	config.Version++
	return stale(se.Run(ctx, nil, bson.D{{Key: "replSetReconfig", Value: config}, {Key: "maxTimeMS", Value: reconfigTimeout.Milliseconds()}}))
}

// stale marks the errors that mean no more than to read again.
func stale(err error) error {
	if wire.MovedOn(err) {
		return fmt.Errorf("%w: %w", errStale, err)
	}
	return err
}

// join adds a member that has no vote, and cannot become primary.
func (l *local) join(ctx context.Context, s engine.Step) error {
	host := s.Params[mongodb.ParamHost]
	if l.name(host) != s.About() {
		return fmt.Errorf("the host %q is not that of %s", host, s.About())
	}
	return l.reconfigure(ctx, s, func(c *wire.Configuration, _ wire.Status) error {
		if slices.ContainsFunc(c.Members, func(m wire.Member) bool { return l.name(m.Host) == s.About() }) {
			return nil
		}
		c.Members = append(c.Members, wire.Member{Number: c.FreeNumber(), Host: host})
		return nil
	})
}

// find returns the member of a configuration that a step is about, nil where it
// is gone.
func (l *local) find(c *wire.Configuration, s engine.Step) (*wire.Member, error) {
	for i := range c.Members {
		m := &c.Members[i]
		switch {
		case strconv.Itoa(int(m.Number)) != s.SubjectID:
		case l.name(m.Host) != s.About() && s.Kind != engine.StepEvictDead:
			return nil, fmt.Errorf("%w: the member %s is %s", errStale, s.SubjectID, m.Host)
		default:
			return m, nil
		}
	}
	return nil, nil
}

// promote gives a member its vote, if it still has caught up.
func (l *local) promote(ctx context.Context, s engine.Step) error {
	return l.reconfigure(ctx, s, func(c *wire.Configuration, st wire.Status) error {
		m, err := l.find(c, s)
		if err != nil || m == nil {
			return err
		}
		if !st.CaughtUp(m.Number) {
			return fmt.Errorf("%w: it has not caught up", errStale)
		}
		m.Votes, m.Priority = 1, 1
		return nil
	})
}

func (l *local) demote(ctx context.Context, s engine.Step) error {
	return l.reconfigure(ctx, s, func(c *wire.Configuration, st wire.Status) error {
		m, err := l.find(c, s)
		if err != nil || m == nil {
			return err
		}
		if self, _ := st.Self(); self.Number == m.Number {
			return fmt.Errorf("%w: it is the primary", errStale)
		}
		m.Votes, m.Priority = 0, 0
		return nil
	})
}

// evict takes out a member whose data is gone. One that is seen alive is not.
func (l *local) evict(ctx context.Context, s engine.Step) error {
	return l.reconfigure(ctx, s, func(c *wire.Configuration, st wire.Status) error {
		m, err := l.find(c, s)
		if err != nil || m == nil {
			return err
		}
		if of, _ := st.Of(m.Number); st.CaughtUp(m.Number) || of.Self {
			return fmt.Errorf("%w: %s is seen alive", errStale, m.Host)
		}
		drop(c, m.Number)
		return nil
	})
}

func drop(c *wire.Configuration, number int32) {
	c.Members = slices.DeleteFunc(slices.Clone(c.Members), func(m wire.Member) bool { return m.Number == number })
}

// leave takes another member out, which has lost its vote before; or, of this
// member itself, stops the server.
func (l *local) leave(ctx context.Context, s engine.Step) error {
	if s.About() == l.config.Member {
		return l.shutDown(ctx)
	}
	return l.reconfigure(ctx, s, func(c *wire.Configuration, _ wire.Status) error {
		m, err := l.find(c, s)
		if err != nil || m == nil {
			return err
		}
		if m.Votes > 0 {
			return fmt.Errorf("%w: it has a vote", errStale)
		}
		drop(c, m.Number)
		return nil
	})
}

// shutDown stops a server that no configuration has. The agent has the hold in
// place, so that it is not started again.
//
// One that nobody ever added has no users to log in as; it is told by the key
// file, which it has from the start. One that lets everybody in has neither.
func (l *local) shutDown(ctx context.Context) error {
	nobody, err := l.session(ctx, wire.Login{})
	if err != nil {
		return err
	}
	hello, err := nobody.Hello(ctx)
	if err != nil {
		return nil //nolint:nilerr // a server that does not answer has stopped
	}
	if hello.Primary != "" || hello.Writable {
		return fmt.Errorf("%w: it is in the configuration", errStale)
	}
	who := wire.Login{User: "__system", Password: l.firstKey(), Database: "local"}
	if _, err := nobody.Status(ctx); l.open() || wire.CodeOf(err) == wire.CodeUnauthorized {
		if who, _, err = l.agentLogin(ctx); err != nil {
			return err
		}
	}
	se, err := wire.Open(l.address, who)
	if err != nil {
		return err
	}
	defer se.Close(ctx)
	if _, err := se.Status(ctx); wire.CodeOf(err) != wire.CodeNotYetInitialized && wire.CodeOf(err) != wire.CodeInvalidConfiguration {
		return fmt.Errorf("%w: it may be in the configuration: %w", errStale, err)
	}
	err = se.Run(ctx, nil, bson.D{{Key: "shutdown", Value: 1}})
	if err == nil || wire.CodeOf(err) == 0 {
		return nil // the answer is cut off by the server's end
	}
	return err
}
