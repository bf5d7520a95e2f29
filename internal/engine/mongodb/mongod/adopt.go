// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongod

import (
	"os"
	"path/filepath"

	"sigs.k8s.io/yaml"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/mongodb"
	"github.com/quorate/quorate/internal/engine/mongodb/wire"
)

// lets are the settings of a server that say how it is known and whom it lets in.
type lets struct {
	Replication struct {
		Set string `json:"replSetName"`
	} `json:"replication"`
	Security struct {
		Authorization string `json:"authorization"`
	} `json:"security"`
}

// settings reads the file that the server is started with; nothing is in it where it
// cannot be read.
func (l *local) settings() (out lets, there bool) {
	content, err := os.ReadFile(filepath.Join(l.config.ConfigDir, mongodb.ServerFile))
	if err != nil || yaml.Unmarshal(content, &out) != nil {
		return lets{}, false
	}
	return out, true
}

// open tells whether the server lets everybody in, as that of a set which was made by
// hand may.
func (l *local) open() bool {
	s, there := l.settings()
	return there && s.Security.Authorization == ""
}

// adopted tells whether the volume is that of a set which was made by hand.
func (l *local) adopted() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.marker.Grant.Kind == engine.GrantAdopt
}

// seenView is the membership as this server alone has it, for as long as others of an
// adopted set may have no agent.
func (l *local) seenView(config wire.Configuration, st wire.Status) *engine.View {
	if !l.adopted() {
		return nil
	}
	v := l.view(config, st)
	for i, p := range v.Peers {
		for _, m := range config.Members {
			if of, _ := st.Of(m.Number); m.Host == p.Address {
				v.Peers[i].Leader = of.State == wire.StatePrimary && of.Health > 0
			}
		}
	}
	return v
}
