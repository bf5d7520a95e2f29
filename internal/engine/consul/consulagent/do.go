// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consulagent

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/consul/api"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
	"github.com/quorate/quorate/internal/engine/consul/wire"
)

// Do carries out one step. All are idempotent: what is already so is left so.
// A step of the leader's is refused by a server that does not lead, or that
// leads in another term than the step was planned in.
func (l *local) Do(ctx context.Context, s engine.Step) error {
	var do func(context.Context, engine.Step) error
	switch s.Kind {
	case engine.StepBootstrap:
		do = l.bootstrap
	case engine.StepConfigure:
		do = l.configure
	case engine.StepStepDown:
		do = l.stepDown
	case engine.StepEvictDead:
		do = l.remove
	case engine.StepLeave:
		do = l.leave
	case engine.StepReload:
		do = l.reload
	case engine.StepRotateKey:
		do = l.rotateKey
	default:
		return fmt.Errorf("%s: Consul knows no step %q", l.config.Member, s.Kind)
	}
	if err := do(ctx, s); err != nil {
		return fmt.Errorf("%s of %s: %w", s.Kind, s.About(), err)
	}
	return nil
}

// asLeader returns a client if this server leads in the step's term.
func (l *local) asLeader(ctx context.Context, s engine.Step) (*api.Client, wire.Self, error) {
	client, err := l.client()
	if err != nil {
		return nil, wire.Self{}, err
	}
	self, err := wire.ReadSelf(client, wire.Query(ctx))
	if err != nil {
		return nil, self, err
	}
	if self.Stats.Raft["state"] != "Leader" || (s.Term != 0 && s.Term != self.Number("term")) {
		return nil, self, fmt.Errorf("%w: it is a %s in term %d", wire.ErrStale, strings.ToLower(self.Stats.Raft["state"]), self.Number("term"))
	}
	return client, self, nil
}

// configure sets what the operator owns of autopilot and leaves the rest.
func (l *local) configure(ctx context.Context, s engine.Step) error {
	quorum, err := strconv.ParseUint(s.Params[consul.ParamQuorum], 10, 8)
	if err != nil {
		return fmt.Errorf("reading the parameter %s: %w", consul.ParamQuorum, err)
	}
	client, err := l.client()
	if s.Params[consul.ParamPassOn] == "" {
		client, _, err = l.asLeader(ctx, s)
	}
	if err != nil {
		return err
	}
	autopilot, err := client.Operator().AutopilotGetConfiguration(wire.Query(ctx))
	if err != nil {
		return fmt.Errorf("reading the settings of autopilot: %w", err)
	}
	autopilot.MinQuorum, autopilot.CleanupDeadServers = uint(quorum), false
	done, err := client.Operator().AutopilotCASConfiguration(autopilot, (&api.WriteOptions{}).WithContext(ctx))
	if err != nil {
		return fmt.Errorf("writing the settings of autopilot: %w", err)
	}
	if !done {
		return fmt.Errorf("%w: somebody else changed the settings of autopilot", wire.ErrStale)
	}
	return nil
}

// goneTimeout is more than gossip takes to notice that a member is gone.
const goneTimeout = 20 * time.Second

// remove takes an identity out of the membership and has gossip take it for one
// that left. It waits for gossip to see that it is gone, refuses one that stays
// alive, and its own.
//
// Gossip is not made to forget the name: it would then take the next member of
// that name for one that is leaving, and the leader would not add it for up to
// a minute.
func (l *local) remove(ctx context.Context, s engine.Step) error {
	client, self, err := l.asLeader(ctx, s)
	if err != nil {
		return err
	}
	if s.SubjectID == "" || s.SubjectID == self.Config.NodeID {
		return fmt.Errorf("the identity %q cannot be removed by this member", s.SubjectID)
	}
	failed, err := awaitGone(ctx, client, s.SubjectID)
	if err != nil {
		return err
	}
	if client, _, err = l.asLeader(ctx, s); err != nil {
		return err
	}
	if err := removePeer(ctx, client, s.SubjectID); err != nil || failed == "" {
		return err
	}
	if err := client.Agent().ForceLeaveOptions(failed, api.ForceLeaveOpts{}, wire.Query(ctx)); err != nil {
		return fmt.Errorf("having gossip let go of %s: %w", failed, err)
	}
	return nil
}

// The status codes of gossip.
const (
	serfAlive  = 1
	serfFailed = 4
)

// awaitGone returns when gossip does not see the identity alive, with the name
// under which it has failed, if it has.
func awaitGone(ctx context.Context, client *api.Client, id string) (failed string, err error) {
	alive := ""
	err = wait.PollUntilContextTimeout(ctx, 200*time.Millisecond, goneTimeout, true, func(ctx context.Context) (bool, error) {
		var members []*api.AgentMember
		if _, err := client.Raw().Query("/v1/agent/members", &members, wire.Query(ctx)); err != nil {
			return false, fmt.Errorf("reading the members that gossip knows: %w", err)
		}
		alive, failed = "", ""
		for _, m := range members {
			switch {
			case m.Tags["id"] != id:
			case m.Status == serfAlive:
				alive = m.Name
			case m.Status == serfFailed:
				failed = m.Name
			}
		}
		return alive == "", nil
	})
	if err != nil && alive != "" {
		return "", fmt.Errorf("%w: gossip sees %s alive", wire.ErrStale, alive)
	}
	return failed, err //nolint:wrapcheck // it is wrapped already, or the context's own.
}

func removePeer(ctx context.Context, client *api.Client, id string) error {
	raft, err := client.Operator().RaftGetConfiguration(wire.Query(ctx))
	if err != nil {
		return fmt.Errorf("reading the raft configuration: %w", err)
	}
	for _, s := range raft.Servers {
		if s.ID != id {
			continue
		}
		if err := client.Operator().RaftRemovePeerByID(id, (&api.WriteOptions{}).WithContext(ctx)); err != nil {
			return fmt.Errorf("removing %s from the raft configuration: %w", id, err)
		}
	}
	return nil
}

// leaveTimeout is more than a server takes to leave: it drains, then waits to
// see itself removed.
const leaveTimeout = 30 * time.Second

// leave has this server leave and stop. The agent must have put the hold in
// place before, since a server that starts again would join again.
//
// A server that does not answer has stopped, which is all that can be done
// here; whether it has left is observed by the leader.
func (l *local) leave(ctx context.Context, s engine.Step) error {
	ctx, cancel := context.WithTimeout(ctx, leaveTimeout)
	defer cancel()
	client, err := l.client()
	if err != nil {
		return err
	}
	if !l.answers(ctx, client) {
		return nil
	}
	self, err := wire.ReadSelf(client, wire.Query(ctx))
	if err != nil {
		return err
	}
	switch {
	case s.About() != s.Member:
		return errors.New("a member can only leave by itself")
	case s.SubjectID != "" && s.SubjectID != self.Config.NodeID:
		return fmt.Errorf("%w: its identity is %s", wire.ErrStale, self.Config.NodeID)
	case s.Term != 0 && self.Number("term") > s.Term:
		return fmt.Errorf("%w: it is in term %d", wire.ErrStale, self.Number("term"))
	case self.Stats.Raft["state"] == "Leader":
		return fmt.Errorf("%w: it leads", wire.ErrStale)
	}
	if _, err := client.Raw().Write("/v1/agent/leave", nil, nil, (&api.WriteOptions{}).WithContext(ctx)); err != nil {
		// The answer may be cut off by the server's end.
		if l.answers(ctx, client) {
			return fmt.Errorf("asking the server to leave: %w", err)
		}
	}
	return nil
}

// answers tells whether the server answers at all.
func (l *local) answers(ctx context.Context, client *api.Client) bool {
	_, err := client.Status().LeaderWithQueryOptions(wire.Query(ctx))
	return err == nil
}
