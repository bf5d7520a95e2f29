// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongod

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/mongodb"
)

// TestRecovery loses two of three with their volumes, and has the third go on
// alone, by its own word.
func TestRecovery(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	c.settle(3)
	p := c.servers[0]
	id := p.see().ID
	word := engine.Step{Kind: engine.StepConfigure, Member: "db-0", Params: map[string]string{mongodb.ParamMembers: id}}
	if err := c.do(word); err == nil {
		t.Error("forced without a word")
	}
	c.must(p.Recover(engine.Recovery{Number: 1, Params: word.Params}))
	if err := c.do(word); !errors.Is(err, errStale) {
		t.Errorf("forced while somebody leads: %v", err)
	}
	c.eventually(func() string {
		if _, err := p.Observe(t.Context()); err != nil {
			return err.Error()
		}
		if _, err := os.Stat(filepath.Join(p.data, mongodb.RecoveryFile)); err == nil {
			return "a word is kept though there is a primary"
		}
		return ""
	})
	c.servers[1].end()
	c.servers[2].end()
	c.eventually(func() string {
		if s, err := p.Observe(t.Context()); err != nil || s.Leader || s.Facts[mongodb.FactEnd] == "" || len(mongodb.Numbers(s.Facts[mongodb.FactVoters])) != 3 {
			return "it does not tell what it has"
		}
		return ""
	})
	if steps := (mongodb.Engine{}).Plan(wanted(3), c.observe()); len(steps) > 0 {
		t.Errorf("planned before anybody agreed: %v", told(steps))
	}
	p.end()
	c.must(p.Recover(engine.Recovery{Number: 1, Params: word.Params}))
	p.start()
	c.eventually(func() string {
		if len((mongodb.Engine{}).Plan(wanted(3), c.observe())) == 0 {
			return "nobody is told"
		}
		return ""
	})
	other := word
	other.Params = map[string]string{mongodb.ParamMembers: "1"}
	if err := c.do(other); err == nil {
		t.Error("forced by another word")
	}
	if done := c.settle(1); kinds(done) != "Configure db-0" {
		t.Errorf("done were %s", kinds(done))
	}
	if _, err := os.Stat(filepath.Join(p.data, mongodb.RecoveryFile)); err == nil {
		t.Error("the word is kept")
	}
	c.add(3)
	c.settle(2, func(d *engine.Desired) { d.Members = []string{"db-0", "db-3"} })
	if err := p.Recover(engine.Recovery{Number: 2}); err == nil {
		t.Error("a recovery of nobody was written down")
	}
}
