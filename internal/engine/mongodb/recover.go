// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/quorate/quorate/internal/engine"
)

// A set that has lost its majority is recovered by a reconfiguration that is
// forced on one member, and names those that are left. A server must run for it,
// and the user's word reaches a member while its server is down. So the word is
// kept on the volume: the agent of each survivor writes down who survives, and
// tells that for as long as nobody leads. Only when all of them run again and tell
// the same is the newest told to force its configuration, which refuses without
// the same word on its own volume. Once there is a primary the word is removed.

var _ engine.Recoverer = Engine{}

// later compares two ends; negative where the first is before the second.
func later(e, o LogEnd) int {
	return cmp.Or(cmp.Compare(e.Term, o.Term), cmp.Compare(e.Second, o.Second), cmp.Compare(e.Count, o.Count))
}

func endOf(m engine.MemberObservation) (end LogEnd, err error) {
	text := m.Report.Server.Facts[FactEnd]
	if _, err := fmt.Sscanf(text, "%d/%d/%d", &end.Term, &end.Second, &end.Count); err != nil {
		return end, fmt.Errorf("read the end of a log %q: %w", text, err)
	}
	return end, nil
}

// newest is the member with the latest operation, or who does not say.
func newest(have []engine.MemberObservation) (_ engine.MemberObservation, _ LogEnd, mute string) {
	ends := map[string]LogEnd{}
	for _, m := range have {
		end, err := endOf(m)
		if err != nil {
			return m, end, m.Name
		}
		ends[m.Name] = end
	}
	m := slices.MaxFunc(have, func(a, b engine.MemberObservation) int {
		return cmp.Or(later(ends[a.Name], ends[b.Name]), cmp.Compare(b.Ordinal, a.Ordinal))
	})
	return m, ends[m.Name], ""
}

// Remains implements engine.Recoverer. While the survivors of one recovery have
// the word and nobody was told yet there is nothing to decide.
func (Engine) Remains(have []engine.MemberObservation) engine.Remains {
	if name, members := pending(have); members != "" {
		return engine.Remains{Why: fmt.Sprintf("the configuration of %s is about to be forced, as the user agreed", name)}
	}
	m, end, mute := newest(have)
	if mute != "" {
		return engine.Remains{Why: fmt.Sprintf("the server of %s does not say where its log ends, so that it is not known whose data is the newest", mute)}
	}
	return engine.Remains{
		Newest: m.Name, Voters: Numbers(m.Report.Server.Facts[FactVoters]),
		Why: fmt.Sprintf("its log ends in term %d at second %d", end.Term, end.Second),
	}
}

// Recover implements engine.Recoverer.
func (Engine) Recover(survivors []engine.MemberObservation) map[string]string {
	var numbers []string
	for _, m := range survivors {
		numbers = append(numbers, m.Report.Server.ID)
	}
	return map[string]string{ParamMembers: strings.Join(numbers, ",")}
}

// pending returns the newest of the survivors, and who they are, where all of
// them run, nobody leads, and all have the same word.
func pending(have []engine.MemberObservation) (name, members string) {
	word := map[string][]engine.MemberObservation{}
	for _, m := range have {
		if m.Report != nil && m.Report.Server.Running {
			if w := m.Report.Server.Facts[FactRecovery]; slices.Contains(Numbers(w), m.Report.Server.ID) {
				word[w] = append(word[w], m)
			}
		}
	}
	for w, who := range word {
		if len(who) != len(Numbers(w)) {
			continue
		}
		if m, _, mute := newest(who); mute == "" {
			return m.Name, w
		}
	}
	return "", ""
}

// force has the newest survivor of a recovery force its configuration.
func force(have engine.Observation) []engine.Step {
	name, members := pending(have.Members)
	if members == "" {
		return nil
	}
	return []engine.Step{{
		Kind: engine.StepConfigure, Member: name, Params: map[string]string{ParamMembers: members}, Why: "the user agreed that the set goes on with those that are left",
	}}
}
