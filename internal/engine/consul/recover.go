// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consul

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/quorate/quorate/internal/agent/atomicfile"
	"github.com/quorate/quorate/internal/engine"
)

// paramPeers is the parameter of a recovery: the file that each survivor reads
// as it starts, as Consul's guide to the recovery from an outage has it. Its
// Raft then has these servers, whatever it had before, and the file is removed.
const paramPeers = "peers"

// What a server tells of its data while nobody leads; it never rests otherwise.
const (
	// factLog is where its log ends, as TERM/INDEX: that of two logs is the newer
	// whose last term is the later one, and at the same term the longer one, which
	// is how Raft itself chooses.
	factLog = "log"
	// factVoters are the identities that have a vote by its own configuration,
	// separated by commas.
	factVoters = "voters"
)

var (
	_ engine.Recoverer      = Engine{}
	_ engine.LocalRecoverer = (*local)(nil)
)

// Remains implements engine.Recoverer.
func (Engine) Remains(have []engine.MemberObservation) engine.Remains {
	ends := map[string]logEnd{}
	for _, m := range have {
		end, err := parseLogEnd(m.Report.Server.Facts[factLog])
		if err != nil {
			return engine.Remains{Why: fmt.Sprintf("the server of %s does not say where its log ends, so that it is not known whose data is the newest", m.Name)}
		}
		ends[m.Name] = end
	}
	newest := slices.MaxFunc(have, func(a, b engine.MemberObservation) int {
		return cmp.Or(ends[a.Name].compare(ends[b.Name]), cmp.Compare(b.Ordinal, a.Ordinal))
	})
	end := ends[newest.Name]
	return engine.Remains{
		Newest: newest.Name, Voters: strings.FieldsFunc(newest.Report.Server.Facts[factVoters], func(r rune) bool { return r == ',' }),
		Why: fmt.Sprintf("its log ends at index %d of term %d", end.index, end.term),
	}
}

// logEnd is the last entry of a server's log.
type logEnd struct{ term, index uint64 }

// logEnd is what Raft goes by: the last entry, or the snapshot that has taken the
// place of the log.
func (s agentSelf) logEnd() logEnd {
	log := logEnd{s.number("last_log_term"), s.number("last_log_index")}
	snapshot := logEnd{s.number("last_snapshot_term"), s.number("last_snapshot_index")}
	if snapshot.index > log.index {
		return snapshot
	}
	return log
}

func parseLogEnd(text string) (end logEnd, err error) {
	if _, err := fmt.Sscanf(text, "%d/%d", &end.term, &end.index); err != nil {
		return end, fmt.Errorf("read the end of a log %q: %w", text, err)
	}
	return end, nil
}

func (e logEnd) String() string { return fmt.Sprintf("%d/%d", e.term, e.index) }

func (e logEnd) compare(o logEnd) int {
	return cmp.Or(cmp.Compare(e.term, o.term), cmp.Compare(e.index, o.index))
}

// raftPeer is a server in the file.
type raftPeer struct {
	ID       string `json:"id"`
	Address  string `json:"address"`
	NonVoter bool   `json:"non_voter"`
}

// Recover implements engine.Recoverer.
func (Engine) Recover(survivors []engine.MemberObservation) map[string]string {
	peers := make([]raftPeer, 0, len(survivors))
	for _, m := range survivors {
		peers = append(peers, raftPeer{ID: m.Report.Server.ID, Address: net.JoinHostPort(m.Address, strconv.Itoa(portServer))})
	}
	text, err := json.Marshal(peers)
	if err != nil {
		panic("texts are always valid JSON: " + err.Error())
	}
	return map[string]string{paramPeers: string(text)}
}

// Recover implements engine.LocalRecoverer. A file that names no server, or not
// this one, is refused: the server would never start with it, or start as
// nobody's.
func (l *local) Recover(r engine.Recovery) error {
	var peers []raftPeer
	if err := json.Unmarshal([]byte(r.Params[paramPeers]), &peers); err != nil {
		return fmt.Errorf("read the servers of the recovery: %w", err)
	}
	own := l.storedID()
	if own == "" || !slices.ContainsFunc(peers, func(p raftPeer) bool { return p.ID == own }) {
		return fmt.Errorf("the recovery is of %d servers, and %q is none of them", len(peers), own)
	}
	if err := atomicfile.WriteSynced(filepath.Join(l.config.DataDir, "raft", "peers.json"), []byte(r.Params[paramPeers]), 0o640, func() {}); err != nil {
		return fmt.Errorf("write the servers of the recovery: %w", err)
	}
	return nil
}
