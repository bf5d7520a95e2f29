// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	gocql "github.com/apache/cassandra-gocql-driver/v2"

	"github.com/quorate/quorate/internal/attend"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/cassandra"
)

// rolesTimeout bounds the wait for the superuser that a new ring makes some seconds
// after it has begun.
const rolesTimeout = 60 * time.Second

// errForeignRoles needs a person: the credential of a formed set is not remade.
var errForeignRoles = errors.New("neither the administrator nor the superuser that a ring comes with can log in: " +
	"put the password of the role " + cassandra.RoleAdmin + " into the datastore's Secret under the key " + cassandra.CredentialAdmin)

// Do carries out one step. All are idempotent: what is already so is left so. A tool
// that runs on is no error: what it brings about is observed.
func (l *local) Do(ctx context.Context, s engine.Step) error {
	do := map[engine.StepKind]func(context.Context, engine.Step) error{
		engine.StepBootstrap: l.bootstrap,
		engine.StepConfigure: l.configure,
		engine.StepLeave:     l.leave,
		engine.StepEvictDead: l.evict,
	}[s.Kind]
	if do == nil {
		return fmt.Errorf("%s: Cassandra knows no step %q", l.config.Member, s.Kind)
	}
	if err := do(ctx, s); err != nil && !errors.Is(err, attend.ErrRunning) {
		return fmt.Errorf("%s of %s: %w", s.Kind, s.About(), err)
	}
	return nil
}

// bootstrap makes the administrator, as the superuser that a ring comes with, and as the
// administrator the agents' role, and takes that superuser's rights and its login away.
// It goes on wherever an earlier try was cut off.
func (l *local) bootstrap(ctx context.Context, s engine.Step) error {
	ctx, cancel := context.WithTimeout(ctx, rolesTimeout)
	defer cancel()
	admin, agent := s.Credentials[cassandra.CredentialAdmin], s.Credentials[cassandra.CredentialAgent]
	if admin == "" || agent == "" {
		return errors.New("the passwords did not come with the step")
	}
	root, err := l.administrator(ctx, login{cassandra.RoleAdmin, admin})
	if err != nil {
		return err
	}
	defer root.Close()
	made := "CREATE ROLE IF NOT EXISTS " + cassandra.RoleAgent + " WITH LOGIN = true AND PASSWORD = " + quoted(agent)
	if err := run(ctx, root, made); err != nil {
		return fmt.Errorf("making the agents' role: %w", err)
	}
	if s, err := open(l.place.address, l.place.native, login{cassandra.RoleAgent, agent}); err == nil {
		s.Close()
	} else if err := run(ctx, root, "ALTER ROLE "+cassandra.RoleAgent+" WITH PASSWORD = "+quoted(agent)); err != nil {
		return fmt.Errorf("giving the agents' role its password: %w", err)
	}
	// The last one makes the agents' role of use, by which it is known that all is done.
	for _, statement := range []string{
		"ALTER ROLE cassandra WITH SUPERUSER = false AND LOGIN = false",
		"GRANT SELECT ON KEYSPACE system_views TO " + cassandra.RoleAgent,
	} {
		if err := run(ctx, root, statement); err != nil {
			return fmt.Errorf("making the roles: %w", err)
		}
	}
	return nil
}

// administrator logs in as the administrator, who is made first where that is to do.
func (l *local) administrator(ctx context.Context, who login) (*gocql.Session, error) {
	for {
		if s, err := open(l.place.address, l.place.native, who); err == nil {
			return s, nil
		}
		initial, err := open(l.place.address, l.place.native, initialLogin)
		if err == nil {
			err = run(ctx, initial, "CREATE ROLE IF NOT EXISTS "+who.user+" WITH SUPERUSER = true AND LOGIN = true AND PASSWORD = "+quoted(who.password))
			initial.Close()
		}
		if err == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", errForeignRoles, err)
		case <-time.After(time.Second):
		}
	}
}

// quoted is a text in a statement.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

func (l *local) configure(ctx context.Context, s engine.Step) error {
	switch {
	case s.Params[cassandra.ParamCleanup] != "":
		return l.cleanup(ctx)
	case s.Params[cassandra.ParamRepair] != "":
		return l.repairOwn(ctx)
	}
	least, most, err := bounds(s.Params)
	if err != nil {
		return err
	}
	before, err := l.ring(ctx)
	if err != nil {
		return err
	}
	// What the present replicas have is made alike before there are more, and once there
	// are: who may log in is read from a majority of them.
	was := ringName(before.View) + " " + before.Facts[cassandra.FactFactor] + " " + before.Facts[cassandra.FactMost] + fmt.Sprintf(" to %d %d", least, most)
	if err := l.repair(ctx, "before "+was); err != nil {
		return err
	}
	root, err := open(l.place.address, l.place.native, login{cassandra.RoleAdmin, s.Credentials[cassandra.CredentialAdmin]})
	if err != nil {
		return err
	}
	defer root.Close()
	now, err := readReplication(ctx, root)
	if err != nil {
		return err
	}
	for keyspace, factor := range now.changed(least, most, members(before.View)) {
		statement := fmt.Sprintf("ALTER KEYSPACE %s WITH replication = {'class': 'NetworkTopologyStrategy', %s: %d}", keyspace, quoted(now.datacenter), factor)
		if err := run(ctx, root, statement); err != nil {
			return fmt.Errorf("changing the replication of %s: %w", keyspace, err)
		}
	}
	return l.repair(ctx, "after "+was)
}

// bounds are those that a step sets to the factors; 0 is none.
func bounds(params map[string]string) (least, most int, err error) {
	text, bound := params[cassandra.ParamFactor], &least
	if text == "" {
		text, bound = params[cassandra.ParamMost], &most
	}
	if *bound, err = strconv.Atoi(text); err != nil || *bound < 1 {
		return 0, 0, fmt.Errorf("a replication factor of %q makes no sense", text)
	}
	return least, most, nil
}

// ring looks at the server, which must know the ring.
func (l *local) ring(ctx context.Context) (engine.Server, error) {
	seen, err := l.Observe(ctx)
	if err == nil && seen.View == nil {
		err = errors.New("the ring is not known")
	}
	return seen, err
}

// ringName names a ring by who has a full part in it: what was done for one is not done
// for another.
func ringName(v *engine.View) string {
	var ids []string
	for _, p := range v.Peers {
		if p.Voter {
			ids = append(ids, p.ID)
		}
	}
	slices.Sort(ids)
	return strings.Join(ids, ",")
}

// members counts those that have a full part in the ring.
func members(v *engine.View) (n int) {
	for _, p := range v.Peers {
		if p.Voter {
			n++
		}
	}
	return n
}

// repair makes the roles alike on all their replicas. They are few: it is done in
// seconds.
func (l *local) repair(ctx context.Context, purpose string) error {
	_, err := l.tool.Ask(ctx, purpose, "repair", "--full", "system_auth")
	return err
}

// cleanup removes what others took over, and notes down for which ring that was.
func (l *local) cleanup(ctx context.Context) error {
	before, err := l.ring(ctx)
	if err != nil {
		return err
	}
	if _, err := l.tool.Ask(ctx, ringName(before.View), "cleanup"); err != nil {
		return err
	}
	return writeRing(filepath.Join(l.config.DataDir, cassandra.CleanedFile), before.View)
}

// repairOwn makes the copies alike of what this member is the first to have, in all
// keyspaces, one after the other, and notes down for which ring that was.
func (l *local) repairOwn(ctx context.Context) error {
	before, err := l.ring(ctx)
	if err != nil {
		return err
	}
	ring := ringName(before.View)
	if _, err := l.tool.Ask(ctx, ring, "repair", "--full", "-pr"); err != nil {
		return err
	}
	return l.remember(acquaintance{Repaired: ring}.with(before.View, nil))
}

// leave streams the data away, which takes as long as it takes. The server then stays,
// and answers nobody: it is ended once the ring has let it go, as is one that has not
// joined. One that is told to move its data and does not answer is starting, or has
// left: it is left alone.
func (l *local) leave(ctx context.Context, s engine.Step) error {
	switch answers := listens(ctx, l.place.address, l.place.native); {
	case s.Leave == engine.LeaveMoving && !answers:
		return errors.New("the server does not answer")
	case s.Leave == engine.LeaveMoving:
		_, err := l.tool.Ask(ctx, "", decommission)
		return err
	case answers:
		return errors.New("the server answers: it may be in the ring")
	}
	return l.end(ctx)
}

// outside are the modes, in the server's words, of one that is in no ring: the ring forgets
// one that was joining half a minute after it was last heard.
var outside = []string{"STARTING", "JOINING", "JOINING_FAILED", "DECOMMISSIONED"}

// end ends a server that is in no ring, by its own word: one that has just joined does not
// answer clients yet. Where nothing runs beside the agent, no server does.
func (l *local) end(ctx context.Context) error {
	if !refused(ctx, l.place.address, l.place.jmx) {
		mode, err := l.mode(ctx)
		if err != nil {
			return err
		}
		if !slices.Contains(outside, mode) {
			return fmt.Errorf("the server is %q: it may be in the ring", mode)
		}
	}
	if _, err := l.tool.Ask(ctx, "", attend.Stop); err != nil && !errors.Is(err, attend.ErrNobody) {
		return err
	}
	return nil
}

// mode asks the server for its mode now, and waits for the answer: one that somebody has not
// waited for is of before. It is the first thing that the tool says, which may fail over
// what it says after that.
func (l *local) mode(ctx context.Context) (string, error) {
	now := rand.Text()
	text, err := l.tool.Ask(ctx, now, "netstats")
	for errors.Is(err, attend.ErrRunning) && ctx.Err() == nil {
		text, err = l.tool.Ask(ctx, now, "netstats")
	}
	for line := range strings.Lines(text) {
		if mode, found := strings.CutPrefix(strings.TrimSpace(line), "Mode: "); found {
			return mode, nil
		}
	}
	if errors.Is(err, attend.ErrRunning) || err == nil {
		err = errors.New("the server does not say its mode") // not one that runs on: nothing is begun
	}
	return "", err
}

// decommission is the word by which a server streams its data away and leaves.
const decommission = "decommission"

// evict has the others stream what a lost member had, and forget it. The server refuses
// it for one that is up.
func (l *local) evict(ctx context.Context, s engine.Step) error {
	seen, err := l.ring(ctx)
	if err != nil {
		return err
	}
	for _, p := range seen.View.Peers {
		switch {
		case p.ID == s.SubjectID && p.Healthy:
			return errors.New("its heartbeat is heard")
		case p.ID == s.SubjectID:
			_, err := l.tool.Ask(ctx, "", "removenode", p.ID)
			return err
		}
	}
	return nil
}
