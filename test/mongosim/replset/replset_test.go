// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package replset

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/test/mongosim/code"
)

// make a configuration of n voters called h0, h1 and so on, changed.
func set(n int, change ...func(*Config)) *Config {
	members := bson.A{}
	for i := range n {
		members = append(members, bson.M{"_id": i, "host": fmt.Sprintf("h%d:27017", i)})
	}
	raw, err := bson.Marshal(bson.M{"_id": "rs", "version": 1, "members": members})
	if err != nil {
		panic(err)
	}
	c, err := Parse(raw)
	if err != nil {
		panic(err)
	}
	for _, f := range change {
		f(c)
	}
	return c
}

func of(i int, change func(*Member)) func(*Config) { return func(c *Config) { change(&c.Members[i]) } }

func quietly(m *Member) { m.Votes, m.Priority = 0, 0 }

func TestDefaultsAndNumbersOfAnyType(t *testing.T) {
	raw, err := bson.Marshal(bson.D{{Key: "_id", Value: "rs"}, {Key: "version", Value: 3.0}, {Key: "members", Value: bson.A{
		bson.D{{Key: "_id", Value: int64(4)}, {Key: "host", Value: "a"}, {Key: "priority", Value: 0.5}},
		bson.D{{Key: "_id", Value: 5}, {Key: "host", Value: "b:1"}, {Key: "arbiterOnly", Value: true}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	first, arbiter := c.Members[0], c.Members[1]
	if c.Version != 3 || first.ID != 4 || first.Host != "a:27017" || first.Votes != 1 || first.Priority != 0.5 || !first.BuildIndexes {
		t.Errorf("got %+v", c)
	}
	if arbiter.Priority != 0 || !arbiter.Voter() || arbiter.Electable() || c.Settings.ElectionTimeoutMillis != 10000 {
		t.Errorf("got %+v", c)
	}
	// What is shown can be read again.
	shown, err := bson.Marshal(c.Shown())
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Parse(shown); err != nil || again.Members[1].Host != "b:1" {
		t.Errorf("got %+v, %v", again, err)
	}
}

func TestValidate(t *testing.T) {
	for name, test := range map[string]struct {
		config *Config
		says   string
	}{
		"one":                     {set(1), ""},
		"seven voters of fifty":   {set(50, func(c *Config) { silence(c.Members[7:]) }), ""},
		"no members":              {set(0), "at least 1"},
		"51 members":              {set(51, func(c *Config) { silence(c.Members[7:]) }), "no more than 50"},
		"eight voters":            {set(8), "no more than 7"},
		"no voter":                {set(1, of(0, quietly)), "voting members"},
		"nobody electable":        {set(2, func(c *Config) { c.Members[0].Priority, c.Members[1].Priority = 0, 0 }), "priority > 0"},
		"twice an identity":       {set(2, of(1, func(m *Member) { m.ID = 0 })), "same _id"},
		"twice a host":            {set(2, of(1, func(m *Member) { m.Host = "h0:27017" })), "same host"},
		"identity 256":            {set(1, of(0, func(m *Member) { m.ID = 256 })), "out of range"},
		"priority 1001":           {set(1, of(0, func(m *Member) { m.Priority = 1001 })), "out of range"},
		"two votes":               {set(1, of(0, func(m *Member) { m.Votes = 2 })), "must be 0 or 1"},
		"priority without a vote": {set(2, of(1, func(m *Member) { m.Votes = 0 })), "non-voting"},
		"hidden with priority":    {set(2, of(1, func(m *Member) { m.Hidden = true })), "hidden"},
		"delayed with priority":   {set(2, of(1, func(m *Member) { m.DelaySecs = 1 })), "secondaryDelaySecs"},
		"no indexes, priority":    {set(2, of(1, func(m *Member) { m.BuildIndexes = false })), "buildIndexes"},
		"arbiter with priority":   {set(2, of(1, func(m *Member) { m.ArbiterOnly = true })), "arbiterOnly"},
		"arbiter without a vote":  {set(2, of(1, func(m *Member) { m.ArbiterOnly = true; quietly(m) })), "must vote"},
		"hidden without priority": {set(2, of(1, func(m *Member) { m.Hidden, m.Priority = true, 0 })), ""},
		"some hosts local":        {set(2, of(1, func(m *Member) { m.Host = "localhost:1" })), "localhost"},
		"all hosts local":         {set(2, of(0, func(m *Member) { m.Host = "127.0.0.1:1" }), of(1, func(m *Member) { m.Host = "localhost:2" })), ""},
		"version 0":               {set(1, func(c *Config) { c.Version = 0 }), "version"},
	} {
		err := test.config.Validate()
		if (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func silence(members []Member) {
	for i := range members {
		quietly(&members[i])
	}
}

func TestValidateChange(t *testing.T) {
	id := bson.NewObjectID()
	identified := func(c *Config) { c.Settings.ReplicaSetID = id }
	next := func(n int, change ...func(*Config)) *Config {
		return set(n, append([]func(*Config){identified, func(c *Config) { c.Version = 2 }}, change...)...)
	}
	old := set(3, identified)
	for name, test := range map[string]struct {
		next         *Config
		free, forced bool
	}{
		"the same":             {next(3), true, true},
		"a gap":                {next(3, func(c *Config) { c.Version = 90 }), true, true},
		"the same version":     {next(3, func(c *Config) { c.Version = 1 }), false, true},
		"one more":             {next(4), true, true},
		"one fewer":            {next(2), true, true},
		"two more":             {next(5), false, true},
		"two fewer":            {next(1), false, true},
		"one for another":      {next(3, of(2, func(m *Member) { m.ID, m.Host = 9, "x:1" })), false, true},
		"two without votes":    {next(5, of(3, quietly), of(4, quietly)), true, true},
		"a vote taken":         {next(3, of(2, quietly)), true, true},
		"two votes taken":      {next(3, of(1, quietly), of(2, quietly)), false, true},
		"a host, another _id":  {next(3, of(2, func(m *Member) { m.ID = 9 })), false, false},
		"an _id, another host": {next(3, of(2, func(m *Member) { m.Host = "x:1" })), true, true},
		"made an arbiter":      {next(3, of(2, func(m *Member) { m.ArbiterOnly, m.Priority = true, 0 })), false, false},
		"another set":          {next(3, func(c *Config) { c.Settings.ReplicaSetID = bson.NewObjectID() }), false, false},
		"not valid":            {next(3, of(2, func(m *Member) { m.Votes = 0 })), false, false},
	} {
		for force, want := range map[bool]bool{false: test.free, true: test.forced} {
			err := ValidateChange(old, test.next, force)
			if (err == nil) != want || err != nil && code.Of(err).Code != code.ConfigIncompatible {
				t.Errorf("%s, force %v: %v", name, force, err)
			}
		}
	}
}

func TestNewVotersWait(t *testing.T) {
	old := set(2, of(1, func(m *Member) { m.NewlyAdded = true }))
	next := set(5, of(4, quietly))
	MarkNewlyAdded(old, next)
	var marked []bool
	for _, m := range next.Members {
		marked = append(marked, m.NewlyAdded)
	}
	if fmt.Sprint(marked) != "[false true true true false]" || next.Voters() != 1 || next.Majority() != 1 {
		t.Errorf("marked %v, %d voters", marked, next.Voters())
	}
	if shown := next.Shown(); shown.Members[1].NewlyAdded || !next.Members[1].NewlyAdded {
		t.Error("clients see the mark, or it was taken away")
	}
	if err := CheckSupplied(next, "rs"); code.Of(err).Code != code.InvalidReplicaSetConfig {
		t.Errorf("a client may mark: %v", err)
	}
}

func TestNewer(t *testing.T) {
	at := func(term int64, version int32) *Config { return &Config{Term: term, Version: version} }
	for name, test := range map[string]struct {
		a, b *Config
		want bool
	}{
		"than nothing":              {at(0, 1), nil, true},
		"by version":                {at(1, 2), at(1, 1), true},
		"the same":                  {at(1, 2), at(1, 2), false},
		"by term against version":   {at(2, 1), at(1, 9), true},
		"forced by version":         {at(ForcedTerm, 10), at(5, 9), true},
		"forced, but older":         {at(ForcedTerm, 8), at(5, 9), false},
		"against forced by version": {at(9, 8), at(ForcedTerm, 9), false},
	} {
		if got := test.a.Newer(test.b); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestJudgeInitiate(t *testing.T) {
	c := set(3)
	fine := Answer{Host: "h1:27017", SetName: "rs"}
	for name, test := range map[string]struct {
		other Answer
		want  code.Code
	}{
		"all answer":    {Answer{Host: "h2:27017", SetName: "rs"}, 0},
		"one is silent": {Answer{Host: "h2:27017", Err: errors.New("refused")}, code.NodeNotFound},
		"data":          {Answer{Host: "h2:27017", SetName: "rs", Data: true}, code.CannotInitializeWithData},
		"another name":  {Answer{Host: "h2:27017", SetName: "x"}, code.ConfigIncompatible},
		"version":       {Answer{Host: "h2:27017", SetName: "rs", Version: 1}, code.ConfigIncompatible},
	} {
		err := JudgeInitiate(c, []Answer{fine, test.other})
		if (err == nil) != (test.want == 0) || err != nil && code.Of(err).Code != test.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestJudgeChange(t *testing.T) {
	c := set(4, func(c *Config) { c.Version = 5 }, of(3, quietly))
	there := func(i int) Answer { return Answer{Host: fmt.Sprintf("h%d:27017", i), SetName: "rs", Version: 4} }
	silent := func(i int) Answer { return Answer{Host: fmt.Sprintf("h%d:27017", i), Err: errors.New("refused")} }
	for name, test := range map[string]struct {
		answers []Answer
		want    code.Code
	}{
		"all":                        {[]Answer{there(1), there(2), there(3)}, 0},
		"a majority of voters":       {[]Answer{there(1), silent(2), silent(3)}, 0},
		"no majority but of members": {[]Answer{silent(1), silent(2), there(3)}, code.NodeNotFound},
		"newer elsewhere":            {[]Answer{there(1), {Host: "h2:27017", SetName: "rs", Version: 5}}, code.ConfigIncompatible},
		"another set there":          {[]Answer{there(1), {Host: "h2:27017", SetName: "rs", OtherSet: true}}, code.ConfigIncompatible},
	} {
		err := JudgeChange(c, 0, test.answers)
		if (err == nil) != (test.want == 0) || err != nil && code.Of(err).Code != test.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	unled := set(3, of(0, func(m *Member) { m.Priority = 0 }), of(1, func(m *Member) { m.Priority = 0 }))
	if err := JudgeChange(unled, 0, []Answer{{Host: "h1:27017", SetName: "rs"}, silent(2)}); code.Of(err).Code != code.NodeNotFound {
		t.Errorf("without anybody electable: %v", err)
	}
}
