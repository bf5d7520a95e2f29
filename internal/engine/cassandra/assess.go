// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package cassandra

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/quorate/quorate/internal/engine"
)

// The facts in a report.
const (
	// FactRoles is Pending while the agent's role cannot log in, and Ready once it can.
	FactRoles    = "roles"
	RolesPending = "Pending"
	RolesReady   = "Ready"
	// FactFactor is the smallest replication factor of the keyspaces that the operator
	// owns, 0 where one has none for the datacenter yet, and FactMost the largest. They
	// differ after a change of all of them that was cut short.
	FactFactor = "factor"
	FactMost   = "factorMost"
	// FactData is the largest replication factor of the users' keyspaces.
	FactData = "dataFactor"
	// FactKeyspace is a keyspace of the users' that has it.
	FactKeyspace = "dataKeyspace"
	// FactLargest is the keyspace that has the most on the member's disk.
	FactLargest = "largest"
	// FactCleanup is Due while the member has data that others took over.
	FactCleanup = "cleanup"
	CleanupDue  = "Due"
	// FactRepair is Due while a member that this one knew is gone that it has not seen
	// leave: a copy of what the users wrote may be missing.
	FactRepair = "repair"
	RepairDue  = "Due"
	// FactRepaired is Done where what this member is the first to have was repaired in
	// the present ring.
	FactRepaired = "repaired"
	RepairDone   = "Done"
)

// Assess takes what the members say of the ring alike.
//
// Nothing is known where any two that report say otherwise of who is in the ring, or
// fewer than a majority of it say so. A member is healthy only if it says so itself,
// and nobody that reports misses its heartbeat.
func (Engine) Assess(have engine.Observation) engine.Assessment {
	a := engine.Assessment{Formed: have.Formed()}
	ring, agree, why := agreed(have)
	voters, _ := engine.Assessment{Peers: ring}.Voters()
	if ring == nil || agree < engine.Majority(voters) {
		a.Why = cmp.Or(why, fmt.Sprintf("%d of %d members say who is in the ring", agree, voters))
		return a
	}
	a.Known, a.Peers = true, ring
	slices.SortFunc(a.Peers, func(x, y engine.Peer) int {
		return cmp.Or(cmp.Compare(numberOf(have, x), numberOf(have, y)), cmp.Compare(x.Name, y.Name), cmp.Compare(x.ID, y.ID))
	})
	voters, healthy := a.Voters()
	a.Serving = healthy >= quorum(voters)
	a.Usable, a.Tolerance = a.Serving, max(0, healthy-quorum(voters))
	if !a.Serving {
		a.Why = fmt.Sprintf("%d of %d members are up, and %d must be for a majority of every row's replicas", healthy, voters, quorum(voters))
	}
	return a
}

// agreed returns the ring and how many say so; nil and why where they differ or
// nobody does.
func agreed(have engine.Observation) (ring []engine.Peer, agree int, why string) {
	first := ""
	for _, m := range have.Members {
		if m.Report == nil || m.Report.Server.View == nil || len(m.Report.Server.View.Peers) == 0 {
			continue
		}
		peers := sorted(m.Report.Server.View.Peers)
		switch {
		case ring == nil:
			ring, first = peers, m.Name
		case !slices.EqualFunc(ring, peers, same):
			return nil, 0, fmt.Sprintf("%s and %s say otherwise of who is in the ring", first, m.Name)
		}
		for i := range ring {
			ring[i].Healthy = ring[i].Healthy && peers[i].Healthy
		}
		agree++
	}
	if ring == nil {
		return nil, 0, "no member says who is in the ring"
	}
	for i := range ring {
		ring[i].Name = nameOf(have, ring[i].Address)
		ring[i].Healthy = ring[i].Healthy && have.Serves(ring[i])
	}
	return ring, agree, ""
}

// nameOf returns the member that has an address; the address itself where none has.
func nameOf(have engine.Observation, address string) string {
	for _, m := range have.Members {
		if m.Address == address {
			return m.Name
		}
	}
	return address
}

// numberOf is that of the member of a name; -1 where there is none. With racks it is not
// the one that ends the name.
func numberOf(have engine.Observation, p engine.Peer) int {
	for _, m := range have.Members {
		if m.Name == p.Name {
			return m.Ordinal
		}
	}
	return -1
}

func sorted(peers []engine.Peer) []engine.Peer {
	out := slices.Clone(peers)
	slices.SortFunc(out, func(x, y engine.Peer) int { return cmp.Compare(x.ID, y.ID) })
	return out
}

// same disregards health, which every member sees for itself.
func same(x, y engine.Peer) bool { return x.ID == y.ID && x.Address == y.Address && x.Voter == y.Voter }

// fact returns a number that a member reports; 0 where it says none.
func fact(r *engine.Report, name string) int {
	n, err := strconv.Atoi(r.Server.Facts[name])
	if err != nil {
		return 0
	}
	return n
}
