// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consul

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/quorate/quorate/internal/engine"
)

var _ engine.Recoverer = Engine{}

// Remains implements engine.Recoverer.
func (Engine) Remains(have []engine.MemberObservation) engine.Remains {
	ends := map[string]LogEnd{}
	for _, m := range have {
		end, err := ParseLogEnd(m.Report.Server.Facts[FactLog])
		if err != nil {
			return engine.Remains{Why: fmt.Sprintf("the server of %s does not say where its log ends, so that it is not known whose data is the newest", m.Name)}
		}
		ends[m.Name] = end
	}
	newest := slices.MaxFunc(have, func(a, b engine.MemberObservation) int {
		return cmp.Or(ends[a.Name].Compare(ends[b.Name]), cmp.Compare(b.Ordinal, a.Ordinal))
	})
	end := ends[newest.Name]
	return engine.Remains{
		Newest: newest.Name, Voters: strings.FieldsFunc(newest.Report.Server.Facts[FactVoters], func(r rune) bool { return r == ',' }),
		Why: fmt.Sprintf("its log ends at index %d of term %d", end.Index, end.Term),
	}
}

// Recover implements engine.Recoverer.
func (Engine) Recover(survivors []engine.MemberObservation) map[string]string {
	peers := make([]RaftPeer, 0, len(survivors))
	for _, m := range survivors {
		peers = append(peers, RaftPeer{ID: m.Report.Server.ID, Address: net.JoinHostPort(m.Address, strconv.Itoa(PortServer))})
	}
	text, err := json.Marshal(peers)
	if err != nil {
		panic("texts are always valid JSON: " + err.Error())
	}
	return map[string]string{ParamPeers: string(text)}
}
