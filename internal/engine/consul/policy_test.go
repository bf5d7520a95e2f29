// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consul

import "testing"

func TestAgentRules(t *testing.T) {
	golden(t, "agent-policy.hcl", AgentRules("db-7"))
}
