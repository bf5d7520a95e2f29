// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consulagent

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/quorate/quorate/internal/agent/atomicfile"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
)

var _ engine.LocalRecoverer = (*local)(nil)

// Recover implements engine.LocalRecoverer. A file that names no server, or not
// this one, is refused: the server would never start with it, or start as
// nobody's.
func (l *local) Recover(r engine.Recovery) error {
	var peers []consul.RaftPeer
	if err := json.Unmarshal([]byte(r.Params[consul.ParamPeers]), &peers); err != nil {
		return fmt.Errorf("read the servers of the recovery: %w", err)
	}
	own := l.storedID()
	if own == "" || !slices.ContainsFunc(peers, func(p consul.RaftPeer) bool { return p.ID == own }) {
		return fmt.Errorf("the recovery is of %d servers, and %q is none of them", len(peers), own)
	}
	if err := atomicfile.WriteSynced(filepath.Join(l.config.DataDir, "raft", "peers.json"), []byte(r.Params[consul.ParamPeers]), 0o640, func() {}); err != nil {
		return fmt.Errorf("write the servers of the recovery: %w", err)
	}
	return nil
}
