// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consul

import (
	"fmt"
	"net"
	"slices"
	"sort"
	"strconv"

	"github.com/quorate/quorate/internal/agent/atomicfile"
	"github.com/quorate/quorate/internal/engine"
)

// stateNames are what a server keeps at the root of its data folder. The
// identity comes first, so that a removal which is cut short never leaves a
// member that has its identity and has forgotten its vote.
var stateNames = []string{
	"node-id", "raft", "serf", "server_metadata.json", "checkpoint-signature",
	"acl-tokens.json", "checks", "services", "proxy", "tmp", "snapshots",
}

// Renderer writes what differs by member. Its zero value is ready for use.
type Renderer struct{}

var _ engine.Renderer = Renderer{}

// Member returns the member's own file. It holds the gossip key and the
// agent's token and must not be readable by others; of an open set neither.
//
// The members to join are those known now, without the member itself. A server
// reads them only when it starts, and then needs to meet a single one, so the
// file is not brought up to date in a running pod.
func (Renderer) Member(in engine.MemberInput) (map[string][]byte, error) {
	pod := net.ParseIP(in.PodIP)
	if pod == nil {
		return nil, fmt.Errorf("rendering the configuration of %s: the pod has no address yet", in.Name)
	}
	if net.ParseIP(in.Address) == nil {
		return nil, fmt.Errorf("rendering the configuration of %s: it has no stable address yet", in.Name)
	}
	for _, key := range []string{CredentialGossip, CredentialAgent} {
		if len(in.Secrets[key]) == 0 {
			return nil, fmt.Errorf("rendering the configuration of %s: the credential %q is not mounted", in.Name, key)
		}
	}
	client := "0.0.0.0"
	if pod.To4() == nil {
		client = "::"
	}
	out := object{
		"node_name":      in.Name,
		"bind_addr":      in.PodIP,
		"advertise_addr": in.Address,
		"client_addr":    client,
		"retry_join":     joinAddresses(in),
	}
	if !Open(in.Shared[ServerFile]) {
		out["encrypt"] = string(in.Secrets[CredentialGossip])
		token := string(in.Secrets[CredentialAgent])
		out["acl"] = object{"tokens": object{"agent": token, "agent_recovery": RecoveryToken(token)}}
	}
	return map[string][]byte{MemberFile: encode(out)}, nil
}

// joinAddresses lists the others' gossip addresses by name. It is never null,
// which Consul would take for a setting of the wrong type.
func joinAddresses(in engine.MemberInput) []string {
	names := make([]string, 0, len(in.Addresses))
	for name := range in.Addresses {
		if name != in.Name {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	out := make([]string, 0, len(names))
	for _, name := range names {
		out = append(out, net.JoinHostPort(in.Addresses[name], strconv.Itoa(PortSerf)))
	}
	return out
}

// HoldsData tells whether any of the names is one that a server writes.
func (Renderer) HoldsData(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		return slices.Contains(stateNames, name)
	})
}

// Retire removes all that a server wrote, the identity first, so that the
// member comes back as a new one. Names that are not a server's stay.
func (Renderer) Retire(dir string) error {
	if err := atomicfile.RemoveAll(dir, stateNames); err != nil {
		return fmt.Errorf("removing the state of the member that left: %w", err)
	}
	return nil
}
