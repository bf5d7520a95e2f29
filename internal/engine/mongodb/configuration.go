// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// configuration is the set's document. What is not named here is kept as it is.
type configuration struct {
	Set      string      `bson:"_id"`
	Version  int64       `bson:"version"`
	Term     int64       `bson:"term,omitempty"`
	Members  []member    `bson:"members"`
	Settings setSettings `bson:"settings,omitempty"`
	Rest     bson.M      `bson:",inline"`
}

type setSettings struct {
	Identity bson.ObjectID `bson:"replicaSetId,omitempty"`
	Rest     bson.M        `bson:",inline"`
}

type member struct {
	Number   int32   `bson:"_id"`
	Host     string  `bson:"host"`
	Votes    int32   `bson:"votes"`
	Priority float64 `bson:"priority"`
	Rest     bson.M  `bson:",inline"`
}

// nameOf returns the member that a host is: names of pods begin with the member's.
func nameOf(host string) string {
	first, _, _ := strings.Cut(host, ".")
	return first
}

// term orders configurations as the servers do: by the term of the primary that
// wrote it, and then by version. It is 0 for one that was forced and that no
// primary has taken over yet.
func (c configuration) term() uint64 {
	if c.Term <= 0 {
		return 0
	}
	return uint64(c.Term)<<32 | uint64(c.Version)&0xffffffff
}

// number returns one for a new member, from 0 to 255. It goes on with the
// versions, so that the number of a member that was taken out is not given to
// the next one.
func (c configuration) number() int32 {
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
	statePrimary   = 1
	stateSecondary = 2
)

var stateNames = map[int]string{
	0: "startup", statePrimary: "primary", stateSecondary: "secondary", 3: "recovering", 5: "startup2",
	6: "unknown", 7: "arbiter", 8: "down", 9: "rollback", 10: "removed",
}

// status is the answer to replSetGetStatus.
type status struct {
	State   int            `bson:"myState"`
	Members []memberStatus `bson:"members"`
}

type memberStatus struct {
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

// caughtUp tells whether a member serves as far as the one that answered knows,
// and is not far behind the primary, if there is one.
func (s status) caughtUp(number int32) bool {
	var newest time.Time
	for _, m := range s.Members {
		if m.State == statePrimary && m.Health > 0 {
			newest = m.Date
		}
	}
	m, known := s.of(number)
	alive := known && m.Health > 0 && (m.State == statePrimary || m.State == stateSecondary)
	return alive && (newest.IsZero() || newest.Sub(m.Date) <= maxLag)
}

func (s status) of(number int32) (memberStatus, bool) {
	for _, m := range s.Members {
		if m.Number == number {
			return m, true
		}
	}
	return memberStatus{}, false
}

// self is the member that answered.
func (s status) self() (memberStatus, bool) {
	for _, m := range s.Members {
		if m.Self {
			return m, true
		}
	}
	return memberStatus{}, false
}

// greeting is the answer to hello.
type greeting struct {
	Set      string        `bson:"setName"`
	Version  int64         `bson:"setVersion"`
	Primary  string        `bson:"primary"`
	Writable bool          `bson:"isWritablePrimary"`
	Election bson.ObjectID `bson:"electionId"`
}
