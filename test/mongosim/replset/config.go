// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package replset is the configuration document of a replica set: its fields and defaults, who votes and who may lead,
// and every rule by which the server takes or refuses one. It is pure.
//
// Not done: tags and custom write concerns are kept and never used, delayed members are not delayed, and there is no
// config server.
package replset

import (
	"cmp"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// The limits of a configuration.
const (
	MaxMembers  = 50
	MaxVoters   = 7
	MaxPriority = 1000
	MaxMemberID = 255
)

// ForcedTerm is the term of a configuration that was forced, and of one that no primary has written yet.
const ForcedTerm = -1

// Config is the document.
type Config struct {
	ID                                 string   `bson:"_id"`
	Version                            int32    `bson:"version"`
	Term                               int64    `bson:"term"`
	Members                            []Member `bson:"members"`
	ProtocolVersion                    int64    `bson:"protocolVersion"`
	WriteConcernMajorityJournalDefault bool     `bson:"writeConcernMajorityJournalDefault"`
	Settings                           Settings `bson:"settings"`
}

// Member is one server in it.
type Member struct {
	ID           int32   `bson:"_id"`
	Host         string  `bson:"host"`
	ArbiterOnly  bool    `bson:"arbiterOnly"`
	BuildIndexes bool    `bson:"buildIndexes"`
	Hidden       bool    `bson:"hidden"`
	Priority     float64 `bson:"priority"`
	Tags         bson.D  `bson:"tags"`
	DelaySecs    int64   `bson:"secondaryDelaySecs"`
	Votes        int32   `bson:"votes"`
	// NewlyAdded takes vote and priority from a member until it has caught up. Clients never see it.
	NewlyAdded bool `bson:"newlyAdded,omitempty"`
}

// Settings are those of the whole set.
type Settings struct {
	ChainingAllowed            bool          `bson:"chainingAllowed"`
	HeartbeatIntervalMillis    int32         `bson:"heartbeatIntervalMillis"`
	HeartbeatTimeoutSecs       int32         `bson:"heartbeatTimeoutSecs"`
	ElectionTimeoutMillis      int32         `bson:"electionTimeoutMillis"`
	CatchUpTimeoutMillis       int32         `bson:"catchUpTimeoutMillis"`
	CatchUpTakeoverDelayMillis int32         `bson:"catchUpTakeoverDelayMillis"`
	GetLastErrorModes          bson.D        `bson:"getLastErrorModes"`
	GetLastErrorDefaults       bson.D        `bson:"getLastErrorDefaults"`
	ReplicaSetID               bson.ObjectID `bson:"replicaSetId,omitempty"`
}

// Voter reports whether the member votes now.
func (m Member) Voter() bool { return m.Votes > 0 && !m.NewlyAdded }

// Electable reports whether the member may become primary now.
func (m Member) Electable() bool { return m.Voter() && m.Priority > 0 && !m.ArbiterOnly }

// Find returns the index of the member with the identity, or -1.
func (c *Config) Find(id int32) int {
	for i, m := range c.Members {
		if m.ID == id {
			return i
		}
	}
	return -1
}

// FindHost returns the index of the member with the host, or -1.
func (c *Config) FindHost(host string) int {
	for i, m := range c.Members {
		if m.Host == host {
			return i
		}
	}
	return -1
}

// Voters counts those who vote now.
func (c *Config) Voters() int {
	n := 0
	for _, m := range c.Members {
		if m.Voter() {
			n++
		}
	}
	return n
}

// Majority is how many voters are more than half of them.
func (c *Config) Majority() int { return c.Voters()/2 + 1 }

// ElectionTimeout is how long members do without a primary.
func (c *Config) ElectionTimeout() time.Duration {
	return time.Duration(c.Settings.ElectionTimeoutMillis) * time.Millisecond
}

// HeartbeatInterval is how often members ask each other.
func (c *Config) HeartbeatInterval() time.Duration {
	return time.Duration(c.Settings.HeartbeatIntervalMillis) * time.Millisecond
}

// Newer reports whether this configuration replaces the other: by term, then by version; where one of them was forced
// by version alone.
func (c *Config) Newer(than *Config) bool {
	if than == nil {
		return true
	}
	if c.Term == ForcedTerm || than.Term == ForcedTerm {
		return c.Version > than.Version
	}
	return cmp.Or(cmp.Compare(c.Term, than.Term), cmp.Compare(c.Version, than.Version)) > 0
}

// Clone returns a copy with members of its own.
func (c *Config) Clone() *Config {
	clone := *c
	clone.Members = append([]Member(nil), c.Members...)
	return &clone
}

// Shown is the document as clients see it.
func (c *Config) Shown() *Config {
	shown := c.Clone()
	for i := range shown.Members {
		shown.Members[i].NewlyAdded = false
	}
	return shown
}
