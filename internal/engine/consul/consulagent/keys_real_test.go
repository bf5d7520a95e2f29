// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build realconsul

package consulagent

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
	"github.com/quorate/quorate/internal/engine/consul/wire"
)

const testNextGossip = "sDgZPnN0BXo9yDGnGUzi3dHdaFtHUFcmfTuGdZk6Lq0="

// mountKeys is the kubelet bringing the Secret to all members.
func (c *cluster) mountKeys(current, next, former string) {
	c.t.Helper()
	for _, s := range c.members {
		s.mountKeys(current, next, former)
	}
}

func (s *server) mountKeys(current, next, former string) {
	s.c.t.Helper()
	for name, value := range map[string]string{
		consul.CredentialGossip: current, engine.NextKey(consul.CredentialGossip): next, engine.FormerKey(consul.CredentialGossip): former,
	} {
		path := "secret/" + name
		if value != "" {
			s.write(path, value)
		} else if err := os.Remove(filepath.Join(s.dir, path)); err != nil && !errors.Is(err, os.ErrNotExist) {
			s.c.t.Fatal(err)
		}
	}
}

// change has the leader make a change of the keys, as the manager would ask.
func (c *cluster) change(phase engine.KeyPhase, value string) error {
	c.t.Helper()
	change := engine.KeyChange{Phase: phase, Credential: "value", Hash: engine.KeyHash([]byte(value))}
	step, ok := consul.Engine{}.KeyStep(change, c.observation())
	if !ok {
		return errors.New("nobody can be asked to change keys")
	}
	step.Kind, step.Key = engine.StepRotateKey, &change
	step.Credentials = map[string]string{"value": value}
	for _, key := range step.Secrets {
		step.Credentials[key] = map[string]string{consul.CredentialManagement: testManagement, consul.CredentialAgent: testAgent}[key]
	}
	start := time.Now()
	err := c.members[engine.OrdinalOf(step.Member)].local.Do(context.Background(), step)
	c.t.Logf("%-45s %6.2f s %v", string(phase)+" by "+step.Member, time.Since(start).Seconds(), err)
	return err
}

// mustChange asks until the change is made, as the manager does: gossip asks its members
// by datagrams, and refuses where one answer is missing, which on a busy machine it can be.
func (c *cluster) mustChange(phase engine.KeyPhase, value string) {
	c.t.Helper()
	c.await("a key: "+string(phase), time.Minute, func() bool { return c.change(phase, value) == nil })
}

// awaitKeys waits until every member reports these keys, and all of them vote.
func (c *cluster) awaitKeys(values ...string) {
	c.t.Helper()
	var want []string
	for _, v := range values {
		want = append(want, engine.KeyHash([]byte(v)))
	}
	c.await("these keys everywhere", 30*time.Second, func() bool {
		for _, m := range c.observation().Members {
			if !slices.Equal(m.Report.Server.Keys, want) {
				return false
			}
		}
		return true
	})
	c.awaitVoters(len(c.members), time.Minute)
}

// restart stops a server with a signal and starts it in a pod made anew, whose
// init renders what the Secret has now.
func (s *server) restart(signal syscall.Signal) {
	s.c.t.Helper()
	s.signal(signal)
	s.render(9)
	s.start()
}

// TestRealRotateKey takes a set of three from one key to another, restarts a
// member in every phase, and lets members join in the middle and afterwards.
func TestRealRotateKey(t *testing.T) {
	c := newCluster(t)
	c.form(3)
	restrictPolicy(t, c.leader().client(testManagement))
	c.mountKeys(testGossip, "", "")
	c.awaitKeys(testGossip)

	if err := c.change(engine.KeyUse, testNextGossip); err == nil {
		t.Error("a key was used that nobody has, and by a token that may not change any")
	}
	c.mountKeys(testGossip, testNextGossip, "")
	c.mustChange(engine.KeyAdd, testNextGossip)
	c.mustChange(engine.KeyAdd, testNextGossip) // again, after a crash
	c.awaitKeys(testGossip, testNextGossip)
	c.members[0].restart(syscall.SIGTERM)
	c.awaitKeys(testGossip, testNextGossip)

	if err := c.change(engine.KeyRemove, testNextGossip); !errors.Is(err, wire.ErrStale) {
		t.Errorf("the key that all use was to be removed: %v", err)
	}
	// One that joins now has both.
	c.prepare(3).mountKeys(testGossip, testNextGossip, "")
	c.members[3].grant(engine.GrantJoin, 0)
	c.settle(desired(4, nil), time.Minute)
	c.awaitVoters(4, time.Minute)
	c.awaitKeys(testGossip, testNextGossip)

	c.mustChange(engine.KeyUse, testNextGossip)
	c.awaitKeys(testNextGossip, testGossip)
	c.members[1].restart(syscall.SIGKILL)
	c.awaitKeys(testNextGossip, testGossip)

	// The Secret has the new key beside the former, then alone, and a pod has waited
	// at its gate since before: its settings have the old one.
	waiting := c.prepare(4)
	c.gossip = testNextGossip
	c.mountKeys(testNextGossip, "", testGossip)
	c.members[2].restart(syscall.SIGTERM)
	c.mountKeys(testNextGossip, "", "")
	delete(c.members, 4)
	c.awaitKeys(testNextGossip, testGossip)
	c.mustChange(engine.KeyRemove, testNextGossip)
	c.mustChange(engine.KeyRemove, testNextGossip)
	c.awaitKeys(testNextGossip)
	old := c.leader()
	old.kill()
	c.await("another leader after a kill", time.Minute, func() bool {
		a := c.assess()
		return a.Known && a.Leader != old.name
	})
	old.render(9)
	old.start()
	c.awaitVoters(4, time.Minute)

	c.members[4] = waiting
	if text := readText(filepath.Join(waiting.dir, "config", consul.MemberFile)); !strings.Contains(text, testGossip) {
		t.Fatal("the pod that waited has other settings than meant")
	}
	waiting.grant(engine.GrantJoin, 0)
	c.settle(desired(5, nil), time.Minute)
	c.awaitVoters(5, time.Minute)
	c.awaitKeys(testNextGossip)
	c.mustChange(engine.KeyRemove, testNextGossip) // there is nothing to be removed
}

// restrictPolicy gives the agents' token the policy that it had in sets formed by
// earlier operators.
func restrictPolicy(t *testing.T, client *api.Client) {
	t.Helper()
	policy, _, err := client.ACL().PolicyReadByName(wire.PolicyName, nil)
	if err != nil {
		t.Fatal(err)
	}
	policy.Rules = strings.Replace(policy.Rules, "keyring = \"write\"\n", "", 1)
	if _, _, err := client.ACL().PolicyUpdate(policy, nil); err != nil {
		t.Fatal(err)
	}
}
