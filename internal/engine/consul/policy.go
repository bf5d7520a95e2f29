// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consul

import (
	"fmt"
	"strings"
)

// AgentRules are the least that the agents' steps need: the members' agents
// (read, reload, leave), their nodes (registration, gossip's list), and operator
// rights (autopilot, Raft, force-leave), and the rotation of gossip's key. They
// name every member there can ever be, so that growth changes nothing.
func AgentRules(member string) string {
	prefix := member[:strings.LastIndex(member, "-")+1]
	var b strings.Builder
	b.WriteString("operator = \"write\"\nkeyring = \"write\"\n")
	for i := range maxReplicas {
		fmt.Fprintf(&b, "agent \"%[1]s%[2]d\" { policy = \"write\" }\nnode \"%[1]s%[2]d\" { policy = \"write\" }\n", prefix, i)
	}
	return b.String()
}
