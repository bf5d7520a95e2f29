// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package replset

import (
	"fmt"
	"math"
	"net"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/test/mongosim/code"
)

// DefaultPort is added to hosts without one.
const DefaultPort = "27017"

// Parse reads a document and fills in the defaults. What cannot be read, and a field that is not known, is
// InvalidReplicaSetConfig.
func Parse(raw bson.Raw) (*Config, error) {
	c := &Config{
		Version: 1, Term: ForcedTerm, ProtocolVersion: 1, WriteConcernMajorityJournalDefault: true,
		Settings: Settings{
			ChainingAllowed: true, HeartbeatIntervalMillis: 2000, HeartbeatTimeoutSecs: 10,
			ElectionTimeoutMillis: 10000, CatchUpTimeoutMillis: -1, CatchUpTakeoverDelayMillis: 30000,
			GetLastErrorModes: bson.D{}, GetLastErrorDefaults: bson.D{{Key: "w", Value: int32(1)}, {Key: "wtimeout", Value: int32(0)}},
		},
	}
	err := fields(raw, map[string]func(bson.RawValue) error{
		"_id":                                into(&c.ID),
		"version":                            integer(&c.Version),
		"term":                               integer(&c.Term),
		"protocolVersion":                    integer(&c.ProtocolVersion),
		"writeConcernMajorityJournalDefault": into(&c.WriteConcernMajorityJournalDefault),
		"configsvr":                          ignored,
		"members":                            c.parseMembers,
		"settings":                           c.Settings.parse,
	})
	if err != nil {
		return nil, code.Errorf(code.InvalidReplicaSetConfig, "%s", err.Error())
	}
	if c.ID == "" {
		return nil, code.Errorf(code.InvalidReplicaSetConfig, "missing or empty field _id in the replica set config")
	}
	return c, nil
}

func (c *Config) parseMembers(v bson.RawValue) error {
	array, ok := v.ArrayOK()
	if !ok {
		return fmt.Errorf("members must be an array")
	}
	values, err := array.Values()
	if err != nil {
		return fmt.Errorf("reading members: %w", err)
	}
	for _, value := range values {
		doc, ok := value.DocumentOK()
		if !ok {
			return fmt.Errorf("a member must be a document")
		}
		m, err := parseMember(doc)
		if err != nil {
			return err
		}
		c.Members = append(c.Members, m)
	}
	return nil
}

func parseMember(doc bson.Raw) (Member, error) {
	m := Member{ID: -1, BuildIndexes: true, Priority: 1, Votes: 1, Tags: bson.D{}}
	if arbiter, _ := doc.Lookup("arbiterOnly").BooleanOK(); arbiter {
		m.Priority = 0 // the default of an arbiter.
	}
	err := fields(doc, map[string]func(bson.RawValue) error{
		"_id":                integer(&m.ID),
		"host":               into(&m.Host),
		"arbiterOnly":        into(&m.ArbiterOnly),
		"buildIndexes":       into(&m.BuildIndexes),
		"hidden":             into(&m.Hidden),
		"priority":           number(&m.Priority),
		"tags":               into(&m.Tags),
		"secondaryDelaySecs": integer(&m.DelaySecs),
		"votes":              integer(&m.Votes),
		"newlyAdded":         into(&m.NewlyAdded),
	})
	if err != nil {
		return m, err
	}
	if m.Host == "" {
		return m, fmt.Errorf("a member has no host")
	}
	if _, _, err := net.SplitHostPort(m.Host); err != nil {
		m.Host = net.JoinHostPort(m.Host, DefaultPort)
	}
	return m, nil
}

func (s *Settings) parse(v bson.RawValue) error {
	doc, ok := v.DocumentOK()
	if !ok {
		return fmt.Errorf("settings must be a document")
	}
	return fields(doc, map[string]func(bson.RawValue) error{
		"chainingAllowed":            into(&s.ChainingAllowed),
		"heartbeatIntervalMillis":    integer(&s.HeartbeatIntervalMillis),
		"heartbeatTimeoutSecs":       integer(&s.HeartbeatTimeoutSecs),
		"electionTimeoutMillis":      integer(&s.ElectionTimeoutMillis),
		"catchUpTimeoutMillis":       integer(&s.CatchUpTimeoutMillis),
		"catchUpTakeoverDelayMillis": integer(&s.CatchUpTakeoverDelayMillis),
		"getLastErrorModes":          into(&s.GetLastErrorModes),
		"getLastErrorDefaults":       into(&s.GetLastErrorDefaults),
		"replicaSetId":               into(&s.ReplicaSetID),
	})
}

// fields gives each field to its reader.
func fields(doc bson.Raw, readers map[string]func(bson.RawValue) error) error {
	elements, err := doc.Elements()
	if err != nil {
		return fmt.Errorf("reading the config: %w", err)
	}
	for _, e := range elements {
		read, ok := readers[e.Key()]
		if !ok {
			return fmt.Errorf("unexpected field %s in replica set configuration", e.Key())
		}
		if err := read(e.Value()); err != nil {
			return fmt.Errorf("field %s: %w", e.Key(), err)
		}
	}
	return nil
}

func ignored(bson.RawValue) error { return nil }

func into[T any](place *T) func(bson.RawValue) error {
	return func(v bson.RawValue) error { return v.Unmarshal(place) }
}

// integer reads a whole number of any numeric type: shells send doubles.
func integer[T int32 | int64](place *T) func(bson.RawValue) error {
	return func(v bson.RawValue) error {
		f, ok := v.AsFloat64OK()
		if !ok || f != math.Trunc(f) || float64(T(f)) != f {
			return fmt.Errorf("expected a whole number")
		}
		*place = T(f)
		return nil
	}
}

func number(place *float64) func(bson.RawValue) error {
	return func(v bson.RawValue) error {
		f, ok := v.AsFloat64OK()
		if !ok {
			return fmt.Errorf("expected a number")
		}
		*place = f
		return nil
	}
}
