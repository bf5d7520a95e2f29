// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consul

import (
	"fmt"
	"strconv"

	"github.com/quorate/quorate/internal/engine"
)

var _ engine.Usher = Engine{}

// Usher implements engine.Usher. Servers that were made by hand have autopilot remove
// whoever is silent for a moment, as the one is whose pod is replaced; that is switched
// off first (law 2). One of them that leads, and has no agent, hands over to a member
// that was taken over. Any server passes such a request on to whoever leads.
func (Engine) Usher(next string, taken []engine.MemberObservation) (engine.Step, bool) {
	for _, m := range taken {
		seen := m.Report.Server.Seen
		if seen == nil {
			continue
		}
		if m.Report.Server.Facts[FactCleanup] == "true" {
			return engine.Step{
				Kind: engine.StepConfigure, Member: m.Name,
				Params: map[string]string{ParamQuorum: strconv.Itoa(engine.Majority(len(seen.Peers))), ParamPassOn: "true"},
				Why:    "autopilot shall evict nobody while the members are taken over",
			}, true
		}
		if seen.LedBy(next) && able(seen, m.Report.Server.ID) {
			return engine.Step{
				Kind: engine.StepStepDown, Member: m.Name, SubjectID: m.Report.Server.ID,
				Params: map[string]string{ParamPassOn: "true"},
				Why:    fmt.Sprintf("%s leads, whose pod is replaced next; %s takes over", next, m.Name),
			}, true
		}
	}
	return engine.Step{}, false
}

// able tells whether an identity is a healthy voter by such a view.
func able(v *engine.View, id string) bool {
	for _, p := range v.Peers {
		if p.ID == id {
			return p.Voter && p.Healthy
		}
	}
	return false
}
