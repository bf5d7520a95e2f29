// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/consul/api"
)

func TestConfigurationOfAServerWithoutALeader(t *testing.T) {
	const one, other = "{Suffrage:Voter ID:7f52783a-7fb9-c33b-8e66-9dccada1771c Address:10.101.181.213:8300}", "{Suffrage:Nonvoter ID:8d83a77d-fab3-89a2-a501-dcd50d5b86bf Address:[fd00::1]:8300}"
	for text, want := range map[string]*api.RaftConfiguration{
		"[" + one + " " + other + "]": {Servers: []*api.RaftServer{
			{ID: "7f52783a-7fb9-c33b-8e66-9dccada1771c", Address: "10.101.181.213:8300", Voter: true},
			{ID: "8d83a77d-fab3-89a2-a501-dcd50d5b86bf", Address: "[fd00::1]:8300"},
		}},
		"":                               nil,
		"[]":                             nil,
		"[" + one + " {Suffrage:Voter}]": nil, // half of it would be another majority
	} {
		var self Self
		self.Stats.Raft = map[string]string{"latest_configuration": text}
		if diff := cmp.Diff(want, self.Configuration()); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}
