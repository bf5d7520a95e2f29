// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Configuration is the set's document. What is not named here is kept as it is.
type Configuration struct {
	Set      string      `bson:"_id"`
	Version  int64       `bson:"version"`
	Term     int64       `bson:"term,omitempty"`
	Members  []Member    `bson:"members"`
	Settings SetSettings `bson:"settings,omitempty"`
	Rest     bson.M      `bson:",inline"`
}

// SetSettings are those of the set.
type SetSettings struct {
	Identity bson.ObjectID `bson:"replicaSetId,omitempty"`
	Rest     bson.M        `bson:",inline"`
}

// Member is one of the configuration.
type Member struct {
	Number   int32   `bson:"_id"`
	Host     string  `bson:"host"`
	Votes    int32   `bson:"votes"`
	Priority float64 `bson:"priority"`
	Rest     bson.M  `bson:",inline"`
}

// NameOf returns the member that a host is: names of pods begin with the member's.
func NameOf(host string) string {
	first, _, _ := strings.Cut(host, ".")
	return first
}

// Rank orders configurations as the servers do: by the term of the primary that
// wrote it, and then by version. It is 0 for one that was forced and that no
// primary has taken over yet.
func (c Configuration) Rank() uint64 {
	if c.Term <= 0 {
		return 0
	}
	return uint64(c.Term)<<32 | uint64(c.Version)&0xffffffff
}

// FreeNumber returns one for a new member, from 0 to 255. It goes on with the
// versions, so that the number of a member that was taken out is not given to
// the next one.
func (c Configuration) FreeNumber() int32 {
	used := map[int32]bool{}
	for _, m := range c.Members {
		used[m.Number] = true
	}
	n := int32((c.Version + 1) % 256)
	for used[n] {
		n = (n + 97) % 256 // far from those that the next versions begin with
	}
	return n
}

// The states of a member.
const (
	StatePrimary   = 1
	StateSecondary = 2
)

// StateNames are the words for them.
var StateNames = map[int]string{
	0: "startup", StatePrimary: "primary", StateSecondary: "secondary", 3: "recovering", 5: "startup2",
	6: "unknown", 7: "arbiter", 8: "down", 9: "rollback", 10: "removed",
}

// Status is the answer to replSetGetStatus.
type Status struct {
	State   int            `bson:"myState"`
	Members []MemberStatus `bson:"members"`
}

// MemberStatus is one member as a server sees it.
type MemberStatus struct {
	Number int32     `bson:"_id"`
	Health float64   `bson:"health"`
	State  int       `bson:"state"`
	Self   bool      `bson:"self"`
	Date   time.Time `bson:"optimeDate"`
	Optime struct {
		TS   bson.Timestamp `bson:"ts"`
		Term int64          `bson:"t"`
	} `bson:"optime"`
}

// maxLag is how far a member may be behind the primary that counts as caught up.
// It is more than a secondary takes to tell of the empty write that a primary
// makes when it is asked for the membership.
const maxLag = 10 * time.Second

// CaughtUp tells whether a member serves as far as the one that answered knows,
// and is not far behind the primary, if there is one.
func (s Status) CaughtUp(number int32) bool {
	var newest time.Time
	for _, m := range s.Members {
		if m.State == StatePrimary && m.Health > 0 {
			newest = m.Date
		}
	}
	m, known := s.Of(number)
	alive := known && m.Health > 0 && (m.State == StatePrimary || m.State == StateSecondary)
	return alive && (newest.IsZero() || newest.Sub(m.Date) <= maxLag)
}

// Of is the member of a number.
func (s Status) Of(number int32) (MemberStatus, bool) {
	for _, m := range s.Members {
		if m.Number == number {
			return m, true
		}
	}
	return MemberStatus{}, false
}

// Self is the member that answered.
func (s Status) Self() (MemberStatus, bool) {
	for _, m := range s.Members {
		if m.Self {
			return m, true
		}
	}
	return MemberStatus{}, false
}

// Greeting is the answer to hello.
type Greeting struct {
	Set      string        `bson:"setName"`
	Version  int64         `bson:"setVersion"`
	Primary  string        `bson:"primary"`
	Writable bool          `bson:"isWritablePrimary"`
	Election bson.ObjectID `bson:"electionId"`
	// Secondary is true where it has all of the data and does not lead.
	Secondary bool `bson:"secondary"`
}
