// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package board

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/quorate/quorate/internal/agent/protocol"
	"github.com/quorate/quorate/internal/engine"
)

const (
	// maxProblemBytes bounds the complaints in a report.
	maxProblemBytes = 1024
	// maxTextBytes leaves room for the revision.
	maxTextBytes = protocol.MaxReportBytes - 1024
)

// encode writes a report so that equal ones have equal texts, and none is
// longer than the other side reads. A membership that is too long is left out,
// which reads as unknown, and never cut.
func encode(r engine.Report) ([]byte, error) {
	r.Server.View, r.Server.Seen = sorted(r.Server.View), sorted(r.Server.Seen)
	text, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode the report: %w", err)
	}
	if len(text) <= maxTextBytes {
		return text, nil
	}
	r.Server.View, r.Server.Seen, r.Server.Facts, r.Mounts = nil, nil, nil, nil
	r.Problem = fmt.Sprintf("the report has %d bytes and may have %d: membership, facts and mounts are left out", len(text), maxTextBytes)
	text, err = json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode the shortened report: %w", err)
	}
	return text, nil
}

// sorted returns a copy of a membership in a fixed order.
func sorted(v *engine.View) *engine.View {
	if v == nil {
		return nil
	}
	out := *v
	out.Peers = slices.Clone(v.Peers)
	slices.SortStableFunc(out.Peers, func(a, b engine.Peer) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return &out
}

// summary joins the complaints of all sources in a fixed order.
func summary(problems map[string]string) string {
	var parts []string
	for _, source := range slices.Sorted(maps.Keys(problems)) {
		if text := problems[source]; text != "" {
			parts = append(parts, text)
		}
	}
	return Bounded(strings.Join(parts, "; "))
}

// Bounded cuts a text for a person to the length that a report has room for.
func Bounded(text string) string {
	if len(text) <= maxProblemBytes {
		return text
	}
	return strings.ToValidUTF8(text[:maxProblemBytes-len("…")], "") + "…"
}
