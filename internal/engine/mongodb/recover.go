// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/internal/agent/atomicfile"
	"github.com/quorate/quorate/internal/engine"
)

// A set that has lost its majority is recovered by a reconfiguration that is
// forced on one member, and names those that are left. A server must run for it,
// and the user's word reaches a member while its server is down. So the word is
// kept on the volume: the agent of each survivor writes down who survives, and
// tells that for as long as nobody leads. Only when all of them run again and tell
// the same is the newest told to force its configuration, which refuses without
// the same word on its own volume. Once there is a primary the word is removed.

// paramMembers are the numbers of the survivors, separated by commas.
const paramMembers = "members"

// recoveryFile is the word on the volume.
const recoveryFile = ".quorate-recovery"

// What a server tells while it knows no primary; nothing of it rests otherwise.
const (
	// factEnd is where its log of operations ends, as TERM/SECOND/COUNT.
	factEnd = "oplog"
	// factVoters are the numbers that have a vote, by its own configuration.
	factVoters = "voters"
	// factRecovery is the word that is on its volume.
	factRecovery = "recovery"
)

var (
	_ engine.Recoverer      = Engine{}
	_ engine.LocalRecoverer = (*local)(nil)
)

// logEnd is the last operation that a server has: by term, and then by time.
type logEnd struct{ term, second, count uint64 }

func (e logEnd) String() string { return fmt.Sprintf("%d/%d/%d", e.term, e.second, e.count) }

func (e logEnd) compare(o logEnd) int {
	return cmp.Or(cmp.Compare(e.term, o.term), cmp.Compare(e.second, o.second), cmp.Compare(e.count, o.count))
}

func endOf(m engine.MemberObservation) (end logEnd, err error) {
	text := m.Report.Server.Facts[factEnd]
	if _, err := fmt.Sscanf(text, "%d/%d/%d", &end.term, &end.second, &end.count); err != nil {
		return end, fmt.Errorf("read the end of a log %q: %w", text, err)
	}
	return end, nil
}

// newest is the member with the latest operation, or who does not say.
func newest(have []engine.MemberObservation) (_ engine.MemberObservation, _ logEnd, mute string) {
	ends := map[string]logEnd{}
	for _, m := range have {
		end, err := endOf(m)
		if err != nil {
			return m, end, m.Name
		}
		ends[m.Name] = end
	}
	m := slices.MaxFunc(have, func(a, b engine.MemberObservation) int {
		return cmp.Or(ends[a.Name].compare(ends[b.Name]), cmp.Compare(b.Ordinal, a.Ordinal))
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
		Newest: m.Name, Voters: split(m.Report.Server.Facts[factVoters]),
		Why: fmt.Sprintf("its log ends in term %d at second %d", end.term, end.second),
	}
}

// Recover implements engine.Recoverer.
func (Engine) Recover(survivors []engine.MemberObservation) map[string]string {
	var numbers []string
	for _, m := range survivors {
		numbers = append(numbers, m.Report.Server.ID)
	}
	return map[string]string{paramMembers: strings.Join(numbers, ",")}
}

// pending returns the newest of the survivors, and who they are, where all of
// them run, nobody leads, and all have the same word.
func pending(have []engine.MemberObservation) (name, members string) {
	word := map[string][]engine.MemberObservation{}
	for _, m := range have {
		if m.Report != nil && m.Report.Server.Running {
			if w := m.Report.Server.Facts[factRecovery]; slices.Contains(split(w), m.Report.Server.ID) {
				word[w] = append(word[w], m)
			}
		}
	}
	for w, who := range word {
		if len(who) != len(split(w)) {
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
		Kind: engine.StepConfigure, Member: name, Params: map[string]string{paramMembers: members}, Why: "the user agreed that the set goes on with those that are left",
	}}
}

func split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
}

// Recover implements engine.LocalRecoverer. No server runs: what is left for one
// to do is written down.
func (l *local) Recover(r engine.Recovery) error {
	if len(split(r.Params[paramMembers])) == 0 {
		return errors.New("the recovery names no members")
	}
	if err := atomicfile.WriteSynced(l.recoveryPath(), []byte(r.Params[paramMembers]), 0o600, func() {}); err != nil {
		return fmt.Errorf("write down who survives: %w", err)
	}
	return nil
}

func (l *local) recoveryPath() string { return filepath.Join(l.config.DataDir, recoveryFile) }

// forgetRecovery removes the word once there is a primary: the recovery is over,
// or was not needed.
func (l *local) forgetRecovery() error {
	if err := os.Remove(l.recoveryPath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget a recovery: %w", err)
	}
	return nil
}

// leaderless tells what is of use while nobody leads.
func (l *local) leaderless(config configuration, st status, facts map[string]string) {
	if self, ok := st.self(); ok && self.Optime.TS.T > 0 {
		facts[factEnd] = logEnd{uint64(max(self.Optime.Term, 0)), uint64(self.Optime.TS.T), uint64(self.Optime.TS.I)}.String()
	}
	var voters []string
	for _, m := range config.Members {
		if m.Votes > 0 {
			voters = append(voters, strconv.Itoa(int(m.Number)))
		}
	}
	facts[factVoters] = strings.Join(voters, ",")
	if word := readText(l.recoveryPath()); word != "" {
		facts[factRecovery] = word
	}
}

// configure forces a configuration of the survivors alone, with their votes, on
// this member: the only forced change there is. It is refused without the user's
// word on this volume, and where anybody leads.
func (l *local) configure(ctx context.Context, s engine.Step) error {
	ctx, cancel := context.WithTimeout(ctx, 2*reconfigTimeout)
	defer cancel()
	survivors := split(s.Params[paramMembers])
	if word := readText(l.recoveryPath()); word == "" || word != s.Params[paramMembers] {
		return fmt.Errorf("nobody agreed that the set goes on with %s: this volume has %q", s.Params[paramMembers], word)
	}
	se, err := l.session(ctx, l.agent())
	if err != nil {
		return err
	}
	hello, err := se.hello(ctx)
	if err != nil {
		return err
	}
	if hello.Primary != "" {
		return fmt.Errorf("%w: %s is the primary", errStale, hello.Primary)
	}
	config, _, err := se.configuration(ctx, false)
	if err != nil {
		return err
	}
	config.Members = slices.DeleteFunc(config.Members, func(m member) bool {
		return !slices.Contains(survivors, strconv.Itoa(int(m.Number)))
	})
	if len(config.Members) != len(survivors) {
		return fmt.Errorf("%w: of the members %s the configuration has %d", errStale, s.Params[paramMembers], len(config.Members))
	}
	for i := range config.Members {
		config.Members[i].Votes, config.Members[i].Priority = 1, 1
	}
	config.Version++
	return se.run(ctx, nil, bson.D{
		{Key: "replSetReconfig", Value: config}, {Key: "force", Value: true}, {Key: "maxTimeMS", Value: reconfigTimeout.Milliseconds()},
	})
}
