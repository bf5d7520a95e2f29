// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package replset

import (
	"fmt"
	"net"
	"strings"

	"github.com/quorate/quorate/test/mongosim/code"
)

// Validate checks what holds for every configuration, whatever was before it.
func (c *Config) Validate() error {
	for _, check := range []func() error{
		c.checkCounts, c.checkMembers, c.checkUnique, c.checkHosts, c.checkElectable, c.checkSettings,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) checkCounts() error {
	if n := len(c.Members); n < 1 || n > MaxMembers {
		return fmt.Errorf("replica set configuration contains %d members, but must have at least 1 and no more than %d", n, MaxMembers)
	}
	voters := 0
	for _, m := range c.Members {
		if m.Votes > 0 {
			voters++
		}
	}
	if voters < 1 || voters > MaxVoters {
		return fmt.Errorf("replica set configuration contains %d voting members, but must be at least 1 and no more than %d", voters, MaxVoters)
	}
	return nil
}

func (c *Config) checkMembers() error {
	if c.Version < 1 {
		return fmt.Errorf("version field value of %d is out of range", c.Version)
	}
	for _, m := range c.Members {
		if err := m.check(); err != nil {
			return err
		}
	}
	return nil
}

func (m Member) check() error {
	switch {
	case m.ID < 0 || m.ID > MaxMemberID:
		return fmt.Errorf("_id field value of %d is out of range", m.ID)
	case m.Priority < 0 || m.Priority > MaxPriority:
		return fmt.Errorf("priority field value of %g is out of range", m.Priority)
	case m.Votes != 0 && m.Votes != 1:
		return fmt.Errorf("votes field value is %d but must be 0 or 1", m.Votes)
	case m.ArbiterOnly && m.Votes == 0:
		return fmt.Errorf("arbiter must vote (cannot have 0 votes)")
	case m.ArbiterOnly && m.Priority > 0:
		return fmt.Errorf("priority must be 0 when arbiterOnly is true")
	case m.Votes == 0 && m.Priority > 0:
		return fmt.Errorf("priority must be 0 when non-voting (votes:0)")
	case m.DelaySecs < 0 || m.DelaySecs > 366*24*3600:
		return fmt.Errorf("secondaryDelaySecs field value of %d is out of range", m.DelaySecs)
	case m.DelaySecs > 0 && m.Priority > 0:
		return fmt.Errorf("priority must be 0 when secondaryDelaySecs is used")
	case m.Hidden && m.Priority > 0:
		return fmt.Errorf("priority must be 0 when hidden=true")
	case !m.BuildIndexes && m.Priority > 0:
		return fmt.Errorf("priority must be 0 when buildIndexes=false")
	}
	return nil
}

func (c *Config) checkUnique() error {
	ids, hosts := map[int32]bool{}, map[string]bool{}
	for _, m := range c.Members {
		if ids[m.ID] {
			return fmt.Errorf("found two member configurations with same _id field, %d", m.ID)
		}
		if hosts[m.Host] {
			return fmt.Errorf("found two member configurations with same host field, %s", m.Host)
		}
		ids[m.ID], hosts[m.Host] = true, true
	}
	return nil
}

func (c *Config) checkHosts() error {
	local := 0
	for _, m := range c.Members {
		if isLocal(m.Host) {
			local++
		}
	}
	if local > 0 && local < len(c.Members) {
		return fmt.Errorf("either all host names in a replica set configuration must be localhost references, or none must be; found %d out of %d", local, len(c.Members))
	}
	return nil
}

func isLocal(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	ip := net.ParseIP(name)
	return strings.EqualFold(name, "localhost") || ip != nil && ip.IsLoopback()
}

func (c *Config) checkElectable() error {
	for _, m := range c.Members {
		if m.Priority > 0 {
			return nil
		}
	}
	return fmt.Errorf("replica set configuration must contain at least one non-arbiter member with priority > 0")
}

func (c *Config) checkSettings() error {
	if c.ProtocolVersion != 1 {
		return fmt.Errorf("protocolVersion field value of %d is not 1", c.ProtocolVersion)
	}
	if c.Settings.ElectionTimeoutMillis < 1 || c.Settings.HeartbeatIntervalMillis < 1 || c.Settings.HeartbeatTimeoutSecs < 1 {
		return fmt.Errorf("timeouts and intervals must be greater than 0")
	}
	return nil
}

// ValidateInitiate checks the first configuration of a set, as far as that needs no other member. Self is the index of
// the server that is asked, or -1.
func ValidateInitiate(c *Config, setName string, self int) error {
	invalid := func(format string, args ...any) error {
		return code.Errorf(code.InvalidReplicaSetConfig, format, args...)
	}
	if c.ID != setName {
		return invalid("attempting to initiate a replica set with name %s, but command line reports %s; rejecting", c.ID, setName)
	}
	if c.Version != 1 {
		return invalid("configuration used to initiate a replica set must have version 1, but found %d", c.Version)
	}
	if !c.Settings.ReplicaSetID.IsZero() {
		return invalid("replica set configuration cannot contain settings.replicaSetId")
	}
	for _, m := range c.Members {
		if m.NewlyAdded {
			return invalid("newlyAdded must not be set by a client")
		}
	}
	if err := c.Validate(); err != nil {
		return invalid("%s", err.Error())
	}
	if self < 0 {
		return invalid("no host described in new configuration with version 1 for replica set %s maps to this node", c.ID)
	}
	if !c.Members[self].Electable() {
		return invalid("this node, %s, is not electable under the new configuration", c.Members[self].Host)
	}
	return nil
}
