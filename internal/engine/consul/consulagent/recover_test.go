// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consulagent

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
)

func TestRecoverRefusesWhatIsNotOfThisServer(t *testing.T) {
	data := t.TempDir()
	if err := os.WriteFile(filepath.Join(data, "node-id"), []byte("own"), 0o600); err != nil {
		t.Fatal(err)
	}
	l := newLocal(engine.LocalConfig{Member: "db-0", DataDir: data}, "")
	for _, peers := range []string{"", "x", "[]", `[{"id":"another","address":"10.0.0.1:8300"}]`} {
		if err := l.Recover(engine.Recovery{Number: 1, Params: map[string]string{consul.ParamPeers: peers}}); err == nil {
			t.Errorf("%q was taken", peers)
		}
	}
}
