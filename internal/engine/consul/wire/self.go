// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/hashicorp/consul/api"

	"github.com/quorate/quorate/internal/engine/consul"
)

// Self is what is read of a server's own description.
type Self struct {
	Config      struct{ NodeID, Version string }
	DebugConfig struct{ Logging Shown }
	Stats       struct {
		Raft map[string]string `json:"raft"`
	}
}

// Number is a figure of Raft's.
func (s Self) Number(key string) uint64 {
	n, err := strconv.ParseUint(s.Stats.Raft[key], 10, 64)
	if err != nil {
		return 0 // absent, as before the first election
	}
	return n
}

// ReadSelf asks the server for it.
func ReadSelf(client *api.Client, q *api.QueryOptions) (Self, error) {
	var self Self
	if _, err := client.Raw().Query("/v1/agent/self", &self, q); err != nil {
		return self, fmt.Errorf("reading the server's description of itself: %w", err)
	}
	return self, nil
}

// serverText is one server in the text that Raft's statistics have of a configuration.
var serverText = regexp.MustCompile(`\{Suffrage:(\w+) ID:(\S+) Address:([^\s}]+)\}`)

// Configuration is the last that the server has in its own log, from the text of it in
// its statistics, without the servers' names; nil where that is not understood. Consul
// answers a question for the configuration itself only once some leader has been in touch
// since the server was started.
func (s Self) Configuration() *api.RaftConfiguration {
	text := s.Stats.Raft["latest_configuration"]
	found := serverText.FindAllStringSubmatch(text, -1)
	if len(found) == 0 || len(found) != strings.Count(text, "{") {
		return nil
	}
	out := &api.RaftConfiguration{}
	for _, f := range found {
		out.Servers = append(out.Servers, &api.RaftServer{ID: f[2], Address: f[3], Voter: f[1] == "Voter"})
	}
	return out
}

// Untouched tells whether no leader has been in touch since the server was started.
func (s Self) Untouched() bool { return s.Stats.Raft["last_contact"] == "never" }

// Lag is how many log entries the server has still to apply.
func (s Self) Lag() uint64 {
	last, applied := s.Number("last_log_index"), s.Number("applied_index")
	return last - min(last, applied)
}

// LogEnd is what Raft goes by: the last entry, or the snapshot that has taken the
// place of the log.
func (s Self) LogEnd() consul.LogEnd {
	log := consul.LogEnd{Term: s.Number("last_log_term"), Index: s.Number("last_log_index")}
	snapshot := consul.LogEnd{Term: s.Number("last_snapshot_term"), Index: s.Number("last_snapshot_index")}
	if snapshot.Index > log.Index {
		return snapshot
	}
	return log
}

// Shown are the settings of the reloadable file that are compared with what the
// server says of itself.
type Shown struct {
	Level string `json:"LogLevel"`
	Mark  string `json:"SyslogFacility"`
}

// RunsWith tells whether the process shows what is wanted.
func (s Self) RunsWith(want Shown) bool {
	have := s.DebugConfig.Logging
	return have.Mark == want.Mark && strings.EqualFold(have.Level, want.Level)
}
