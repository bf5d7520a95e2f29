// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/quorate/quorate/internal/engine"
)

// Names that the modelled server and its engine use.
const (
	serverFile = "server.json" // beside the data: what the server says
	leftFile   = "left"        // beside the data: the server has left and ends
	raftDir    = "raft"        // in the data: the server's state
	peersFile  = "peers.json"  // beside the server's state: whose set it is, until a server has read it
	formFile   = "form.json"   // in the configuration: lets the server form a set
	stableFile = "stable"      // beside the data: members have stable addresses
)

// fakeEngine is an engine whose server is modelled by files in a directory of
// its own, which a test writes.
type fakeEngine struct {
	engine.Engine
	dir, config, data string
}

func kit(dir string) engine.Kit {
	return engine.Kit{
		Name: "Fake", Engine: fakeEngine{dir: dir}, Renderer: fakeEngine{},
		NewLocal: func(c engine.LocalConfig) (engine.Local, error) {
			return fakeEngine{dir: dir, config: c.ConfigDir, data: c.DataDir}, nil
		},
	}
}

func (e fakeEngine) Traits() engine.Traits {
	_, err := os.Stat(filepath.Join(e.dir, stableFile))
	return engine.Traits{StableAddress: err == nil}
}

func (fakeEngine) Member(engine.MemberInput) (map[string][]byte, error) {
	return map[string][]byte{"member.json": []byte("{}")}, nil
}

func (fakeEngine) HoldsData(names []string) bool { return slices.Contains(names, raftDir) }

func (fakeEngine) Retire(data string) error { return os.RemoveAll(filepath.Join(data, raftDir)) }

func (e fakeEngine) Observe(context.Context) (engine.Server, error) {
	var s engine.Server
	text, err := os.ReadFile(filepath.Join(e.dir, serverFile))
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(text, &s)
}

func (e fakeEngine) Do(_ context.Context, s engine.Step) error {
	if _, err := os.Stat(filepath.Join(e.dir, serverFile)); err != nil {
		return errors.New("the server does not answer")
	}
	if s.Kind != engine.StepLeave {
		return nil
	}
	return os.WriteFile(filepath.Join(e.dir, leftFile), nil, 0o600)
}

func (e fakeEngine) Release(m engine.Marker) error {
	path := filepath.Join(e.config, formFile)
	if m.Grant.Kind == engine.GrantForm && !m.Formed {
		return os.WriteFile(path, []byte("{}"), 0o600)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Recover implements engine.LocalRecoverer.
func (e fakeEngine) Recover(r engine.Recovery) error {
	return os.WriteFile(filepath.Join(e.data, raftDir, peersFile), []byte(r.Params["peers"]), 0o600)
}

func (e fakeEngine) Drain(context.Context) error {
	return os.WriteFile(filepath.Join(e.dir, "drained"), nil, 0o600)
}
