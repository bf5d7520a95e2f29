// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package replset

import (
	"fmt"

	"github.com/quorate/quorate/test/mongosim/code"
)

// CheckSupplied refuses what a client must not write into a configuration.
func CheckSupplied(c *Config, setName string) error {
	if c.ID != setName {
		return code.Errorf(code.InvalidReplicaSetConfig, "New and old configurations differ in replica set name; old was %s, and new is %s", setName, c.ID)
	}
	for _, m := range c.Members {
		if m.NewlyAdded {
			return code.Errorf(code.InvalidReplicaSetConfig, "Cannot provide newlyAdded field to member config during reconfig.")
		}
	}
	return nil
}

// ValidateChange checks a configuration that is to replace another. A force skips what protects the majority: the
// version and the count of voters that change.
func ValidateChange(old, next *Config, force bool) error {
	incompatible := func(format string, args ...any) error {
		return code.Errorf(code.ConfigIncompatible, format, args...)
	}
	if err := next.Validate(); err != nil {
		return incompatible("%s", err.Error())
	}
	if !force && next.Version <= old.Version {
		return incompatible("New replica set configuration version must be greater than old, but %d is not greater than %d for replica set %s", next.Version, old.Version, old.ID)
	}
	if next.Settings.ReplicaSetID != old.Settings.ReplicaSetID {
		return incompatible("New and old configurations differ in replica set ID")
	}
	if err := checkSameMembers(old, next); err != nil {
		return incompatible("%s", err.Error())
	}
	if !force && votersChanged(old, next) > 1 {
		return incompatible("Non force replica set reconfig can only add or remove at most 1 voting member.")
	}
	return nil
}

// checkSameMembers compares members that are in both: a host keeps its identity, and an identity stays arbiter or not.
func checkSameMembers(old, next *Config) error {
	for _, m := range next.Members {
		if i := old.FindHost(m.Host); i >= 0 && old.Members[i].ID != m.ID {
			return fmt.Errorf("new and old configurations both have members with host of %s but in the new configuration the _id field is %d and in the old configuration it is %d", m.Host, m.ID, old.Members[i].ID)
		}
		if i := old.Find(m.ID); i >= 0 && old.Members[i].Host == m.Host && old.Members[i].ArbiterOnly != m.ArbiterOnly {
			return fmt.Errorf("new and old configurations differ in the setting of the arbiterOnly field for member %s", m.Host)
		}
	}
	return nil
}

// votersChanged counts the identities that vote in one of the two only. One that is new counts, though it will not
// vote at first.
func votersChanged(old, next *Config) int {
	votes := map[int32]int{}
	for _, m := range old.Members {
		if m.Votes > 0 {
			votes[m.ID]++
		}
	}
	for _, m := range next.Members {
		if m.Votes > 0 {
			votes[m.ID]--
		}
	}
	n := 0
	for _, v := range votes {
		if v != 0 {
			n++
		}
	}
	return n
}

// MarkNewlyAdded withholds the vote of voters that the old configuration does not know, and of those whom it withheld
// it from.
func MarkNewlyAdded(old, next *Config) {
	for i := range next.Members {
		m := &next.Members[i]
		before := old.Find(m.ID)
		m.NewlyAdded = m.Votes > 0 && (before < 0 || old.Members[before].NewlyAdded)
	}
}

// Answer is what one member said when it was asked whether it takes a configuration.
type Answer struct {
	Host string
	// Err is why it could not be asked.
	Err error
	// SetName is what it was started with, Data that it holds some, Version that of a configuration it has, or 0.
	SetName string
	Data    bool
	Version int32
	// OtherSet says that it is of another set, whatever its name.
	OtherSet bool
}

// JudgeInitiate decides on the answers of all other members: each must take it.
func JudgeInitiate(c *Config, answers []Answer) error {
	silent := ""
	for _, a := range answers {
		switch {
		case a.Err != nil:
			silent += fmt.Sprintf("%s failed with %s; ", a.Host, a.Err)
		case a.SetName != c.ID:
			return code.Errorf(code.ConfigIncompatible, "Our set name did not match that of %s: %s", a.Host, a.SetName)
		case a.Version >= c.Version:
			return code.Errorf(code.ConfigIncompatible, "Our config version of %d is no larger than the version on %s, which is %d", c.Version, a.Host, a.Version)
		case a.Data:
			return code.Errorf(code.CannotInitializeWithData, "'%s' has data already, cannot initiate set.", a.Host)
		}
	}
	if silent != "" {
		return code.Errorf(code.NodeNotFound, "replSetInitiate quorum check failed because not all proposed set members responded affirmatively: %s", silent)
	}
	return nil
}

// JudgeChange decides on the answers of all other members of a new configuration: a majority of its voters, and among
// those one that may lead, must be there. Self is the index of the one that asks.
func JudgeChange(c *Config, self int, answers []Answer) error {
	there := map[string]bool{c.Members[self].Host: true}
	for _, a := range answers {
		switch {
		case a.Err != nil:
			continue
		case a.SetName != c.ID || a.OtherSet:
			return code.Errorf(code.ConfigIncompatible, "Our set name or replica set ID did not match that of %s", a.Host)
		case a.Version >= c.Version:
			return code.Errorf(code.ConfigIncompatible, "Our config version of %d is no larger than the version on %s, which is %d", c.Version, a.Host, a.Version)
		}
		there[a.Host] = true
	}
	voters, electable := 0, 0
	for _, m := range c.Members {
		if !there[m.Host] {
			continue
		}
		if m.Voter() {
			voters++
		}
		if m.Electable() {
			electable++
		}
	}
	if voters < c.Majority() {
		return code.Errorf(code.NodeNotFound, "Quorum check failed because not enough voting nodes responded; required %d but only %d responded", c.Majority(), voters)
	}
	if electable == 0 {
		return code.Errorf(code.NodeNotFound, "Quorum check failed because no electable nodes responded; at least one required for config")
	}
	return nil
}
