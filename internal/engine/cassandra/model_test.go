// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package cassandra

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/enginetest"
	"github.com/quorate/quorate/internal/engine/enginetest/ring"
)

// model is Cassandra servers without a clock: those of a ring, in the words of this
// engine's local half, with what only Cassandra has:
//
//   - a server that joins answers no client, so that nothing is known of it, its
//     identity included;
//   - nobody can log in before the roles are made;
//   - a server refuses to leave a ring that then has fewer members than a keyspace of
//     the operator's has replicas; one that has not joined is merely stopped;
//   - the first member misses one that was removed, until it has repaired its part;
//   - a member whose data others took over keeps it until it is told to clean up.
type model struct {
	*ring.Model
	roles bool
	// least and most are the replication factors of the operator's keyspaces. A change of
	// them is cut short after the first, and done when it is asked for again.
	least, most uint8
	repair      bool // of the first member, as the next
	due         bool // of the first member; that of the others would only multiply the states
}

var _ enginetest.Model = (*model)(nil)

func newModel() *model { return &model{Model: ring.New(), least: 1, most: 1} }

func (m *model) Clone() enginetest.Model {
	out := *m
	out.Model = m.Model.Clone().(*ring.Model)
	return &out
}

func (m *model) Key(b []byte) []byte {
	b = append(m.Model.Key(b), m.least, m.most)
	return strconv.AppendBool(strconv.AppendBool(strconv.AppendBool(b, m.repair), m.due), m.roles)
}

func (m *model) Wipe(i int) {
	m.Model.Wipe(i)
	m.due, m.repair = m.due && i != 0, m.repair && i != 0
}

// Move has the first member keep what one took over that has just joined.
func (m *model) Move(mv enginetest.Move) {
	before := m.normal()
	m.Model.Move(mv)
	after := m.normal()
	for i := range after {
		m.due = m.due || !before[i] && before[0]
	}
}

func (m *model) normal() map[int]bool {
	out := map[int]bool{}
	for _, p := range m.Model.Truth().Peers {
		if p.Voter {
			out[p.Member] = true
		}
	}
	return out
}

func (m *model) Truth() enginetest.Truth {
	t := m.Model.Truth()
	t.Usable = t.Usable && m.roles
	return t
}

func (m *model) Observe(i int) engine.Server {
	in := m.Model.Observe(i)
	out := engine.Server{Running: in.Running}
	if in.View == nil {
		return out
	}
	out.Formed, out.Facts = true, map[string]string{FactRoles: RolesPending}
	if !m.roles {
		return out
	}
	out.ID, out.Version, out.Serving, out.View = in.ID, "5.0.9", in.Serving, &engine.View{}
	out.Leaving, out.Space = in.Leaving, &engine.Space{Data: 1, Free: 1 << 20}
	out.Facts = map[string]string{FactRoles: RolesReady, FactFactor: strconv.Itoa(int(m.least)), FactMost: strconv.Itoa(int(m.most)), FactData: "1"}
	if m.due && i == 0 {
		out.Facts[FactCleanup] = CleanupDue
	}
	if m.repair && i == 0 {
		out.Facts[FactRepair] = RepairDue
	} else {
		out.Facts[FactRepaired] = RepairDone
	}
	for _, p := range in.View.Peers {
		p.Address, p.Name = p.Name+".example", ""
		out.View.Peers = append(out.View.Peers, p)
	}
	return out
}

var errRefused = errors.New("the server refuses")

func (m *model) Do(i int, s engine.Step) error {
	joined := m.Model.Observe(i).View != nil
	switch {
	case s.Kind == engine.StepBootstrap && joined:
		m.roles = true
		return nil
	case s.Kind == engine.StepConfigure && joined && s.Params[ParamCleanup] != "":
		m.due = m.due && i != 0
		return nil
	case s.Kind == engine.StepConfigure && joined && s.Params[ParamRepair] != "":
		m.repair = m.repair && i != 0
		return nil
	case s.Kind == engine.StepEvictDead:
		before := len(m.normal())
		err := m.Model.Do(i, s)
		m.repair = m.repair || len(m.normal()) < before && m.normal()[0]
		return err
	case s.Kind == engine.StepConfigure && joined && m.roles:
		return m.setFactor(s.Params)
	case s.Kind == engine.StepLeave && joined && len(m.normal()) <= int(m.most):
		return fmt.Errorf("%w: not enough live nodes to maintain the replication factor %d", errRefused, m.most)
	}
	return m.Model.Do(i, s)
}

func (m *model) setFactor(params map[string]string) error {
	text := params[ParamFactor] + params[ParamMost]
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxFactor || n > int(m.least)+1 || n < int(m.most)-1 {
		return fmt.Errorf("%w: a replication factor of %q after %d to %d", errRefused, text, m.least, m.most)
	}
	switch f, lower := uint8(n), params[ParamMost] != ""; {
	case lower && m.most <= f || !lower && m.least >= f:
	case lower && m.least > f:
		m.least = f
	case lower:
		m.most = f
	case m.most < f:
		m.most = f
	default:
		m.least = f
	}
	return nil
}
