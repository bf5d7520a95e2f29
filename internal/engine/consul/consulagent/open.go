// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consulagent

import (
	"os"
	"path/filepath"

	"github.com/hashicorp/consul/api"

	"github.com/quorate/quorate/internal/engine/consul"
)

// anyKey is read to have the leader confirm that it leads; nobody need have written it.
const anyKey = "quorate/confirm"

// open tells whether the server lets everybody in, as that of a set which was made by
// hand may.
func (l *local) open() bool {
	content, err := os.ReadFile(filepath.Join(l.config.ConfigDir, consul.ServerFile))
	return err == nil && consul.Open(content)
}

// access is the fact about access control of a server that answers the agent.
func (l *local) access() string {
	if l.open() {
		return consul.ACLOpen
	}
	return consul.ACLReady
}

// confirm makes a read that needs a quorum, with what the agent may read in any case.
func (l *local) confirm(client *api.Client, q *api.QueryOptions) error {
	consistent := *q
	consistent.RequireConsistent = true
	if l.open() {
		_, _, err := client.KV().Get(anyKey, &consistent)
		return err //nolint:wrapcheck // nobody is told of it
	}
	_, _, err := client.ACL().TokenReadSelf(&consistent)
	return err //nolint:wrapcheck // as above
}
