// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package cassandra

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/quorate/quorate/internal/agent/atomicfile"
	"github.com/quorate/quorate/internal/engine"
)

// stateNames are what a server keeps at the root of its data folder. The tables come
// first, with its identity among them: a removal that is cut short leaves nothing that
// a server would start with as the one it was.
var stateNames = []string{"data", "commitlog", "hints", "saved_caches", "cdc_raw", CleanedFile, RepairedFile}

// CleanedFile says on the volume for which ring the data that others took over was
// last removed.
const CleanedFile = ".quorate-cleaned"

// RepairedFile says on the volume whom a member knew in the ring, and for which ring its
// part of the data was last repaired.
const RepairedFile = ".quorate-repaired"

// maxSeeds is how many members a server asks for the ring when it starts.
const maxSeeds = 3

// Renderer writes what differs by member. Its zero value is ready for use.
type Renderer struct{}

var _ engine.Renderer = Renderer{}

// Member is what a member's own file holds.
type Member struct {
	Listen          string `json:"listen_address"`
	Broadcast       string `json:"broadcast_address"`
	Native          string `json:"rpc_address"`
	BroadcastNative string `json:"broadcast_rpc_address"`
	// Others are the addresses of the other members, the lowest ordinals first. They
	// are no setting of the server's.
	Others []string `json:"others,omitempty"`
}

// Member returns the member's own files: it listens on the pod's address, and tells
// others that of the member, which outlives it; and, where there are racks, its own. A
// server does not start on data of another rack.
func (Renderer) Member(in engine.MemberInput) (map[string][]byte, error) {
	pod := net.ParseIP(in.PodIP)
	if pod == nil {
		return nil, fmt.Errorf("rendering the configuration of %s: the pod has no address yet", in.Name)
	}
	if net.ParseIP(in.Address) == nil {
		return nil, fmt.Errorf("rendering the configuration of %s: it has no stable address yet", in.Name)
	}
	if len(in.Secrets[CredentialAgent]) == 0 {
		return nil, fmt.Errorf("rendering the configuration of %s: the credential %q is not mounted", in.Name, CredentialAgent)
	}
	m := Member{Listen: in.PodIP, Broadcast: in.Address, Native: "0.0.0.0", BroadcastNative: in.Address}
	if pod.To4() == nil {
		m.Native = "::"
	}
	for _, name := range slices.SortedFunc(maps.Keys(in.Addresses), byOrdinal) {
		if name != in.Name {
			m.Others = append(m.Others, in.Addresses[name])
		}
	}
	text, err := yaml.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("rendering the configuration of %s: %w", in.Name, err)
	}
	out := map[string][]byte{MemberFile: text}
	if in.Rack != "" {
		center, ok := in.Shared[CenterFile]
		if !ok {
			return nil, fmt.Errorf("rendering the configuration of %s: it is in the rack %s, and the shared files do not say in which datacenter", in.Name, in.Rack)
		}
		out[RackFile] = append(slices.Clone(center), "rack="+in.Rack+"\n"...)
	}
	return out, nil
}

// byOrdinal has the first of every rack come before the second of any.
func byOrdinal(a, b string) int {
	return cmp.Or(cmp.Compare(engine.OrdinalOf(a), engine.OrdinalOf(b)), cmp.Compare(a, b))
}

// Seeds are the members that a server asks for the ring when it starts:
//
//   - itself alone, if it was granted to form the ring and has not: this is what lets
//     a ring begin, and the only case in which a server that has no data finds itself
//     in the list;
//   - others alone, while it joins: who finds itself in the list does not fetch data,
//     and would begin a ring where nobody answers;
//   - itself and others, once it has joined: members that all start at once need one
//     that goes on where none answers yet.
//
// Others that have not joined do no harm: they do not answer, or say that they know
// nothing.
func Seeds(m engine.Marker, self string, others []string) []string {
	others = others[:min(len(others), maxSeeds)]
	switch {
	case m.Formed:
		return append([]string{self}, others[:min(len(others), maxSeeds-1)]...)
	case m.Grant.Kind == engine.GrantForm:
		return []string{self}
	}
	return others
}

// Compose returns the file that the server reads: the shared settings, the member's
// own, and the seeds.
func Compose(shared, member []byte, marker engine.Marker) ([]byte, error) {
	all := object{}
	if err := yaml.Unmarshal(shared, &all); err != nil {
		return nil, fmt.Errorf("reading the shared settings: %w", err)
	}
	var m Member
	if err := yaml.Unmarshal(member, &m); err != nil {
		return nil, fmt.Errorf("reading the member's own settings: %w", err)
	}
	seeds := Seeds(marker, m.Broadcast, m.Others)
	if len(seeds) == 0 {
		return nil, fmt.Errorf("no other member has an address that this one could join by")
	}
	all["listen_address"], all["broadcast_address"] = m.Listen, m.Broadcast
	all["rpc_address"], all["broadcast_rpc_address"] = m.Native, m.BroadcastNative
	all["seed_provider"] = []any{object{
		"class_name": "org.apache.cassandra.locator.SimpleSeedProvider",
		"parameters": []any{object{"seeds": strings.Join(seeds, ",")}},
	}}
	return []byte(encode(all)), nil
}

// HoldsData tells whether any of the names is one that a server writes.
func (Renderer) HoldsData(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(stateNames, name) })
}

// Retire removes all that a server wrote, so that the member comes back as a new one.
// Names that are not a server's stay.
func (Renderer) Retire(dir string) error {
	if err := atomicfile.RemoveAll(dir, stateNames); err != nil {
		return fmt.Errorf("removing the state of the member that left: %w", err)
	}
	return nil
}
