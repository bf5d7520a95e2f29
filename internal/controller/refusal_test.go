// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"errors"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	agentclient "github.com/quorate/quorate/internal/agent/client"
	"github.com/quorate/quorate/internal/agent/protocol"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/fleet"
	"github.com/quorate/quorate/internal/plan"
	"github.com/quorate/quorate/internal/resource"
	"github.com/quorate/quorate/test/wrappers"
)

// picky is an agent that does not take the actions of one pod.
type picky struct {
	silentClient
	pod     string
	refusal error
	took    []string
}

func (a *picky) Act(_ context.Context, _ string, req protocol.ActionRequest) error {
	if req.PodUID == a.pod {
		return a.refusal
	}
	a.took = append(a.took, req.PodUID)
	return nil
}

// Only an older epoch makes a manager doubt that it is in charge. A server that
// has moved on is planned for anew, which is no error, and keeps nobody else
// from being asked; a word of a later build is an error and nothing more.
func TestWhatARefusalMeans(t *testing.T) {
	refused := func(reason protocol.RefusalReason) error {
		return &agentclient.RefusedError{Reason: reason, Message: "because"}
	}
	for name, c := range map[string]struct {
		refusal        error
		fails, doubted bool
		told           int
	}{
		"taken":           {},
		"busy":            {refusal: refused(protocol.RefusedBusy)},
		"moved":           {refusal: refused(protocol.RefusedMoved), told: 1},
		"stale":           {refusal: refused(protocol.RefusedStale), fails: true, doubted: true},
		"volume":          {refusal: refused(protocol.RefusedVolume), fails: true},
		"a later word":    {refusal: refused("NotOnAMonday"), fails: true},
		"no answer":       {refusal: context.DeadlineExceeded, fails: true},
		"no longer there": {refusal: &fleet.NotFollowedError{PodUID: "p0"}},
	} {
		t.Run(name, func(t *testing.T) {
			p, agents := askingTwo(t, c.refusal)
			err := p.ask(t.Context())
			if (err != nil) != c.fails || c.fails && !errors.Is(err, c.refusal) {
				t.Errorf("error %v", err)
			}
			if !c.fails && !slices.Contains(agents.took, "p1") {
				t.Errorf("the other member was not asked: %v", agents.took)
			}
			if got := p.read(p.d.UID).doubted; got != c.doubted {
				t.Errorf("doubted: %v", got)
			}
			if len(p.findings.moved) != c.told {
				t.Errorf("told %v", p.findings.moved)
			}
		})
	}
}

// askingTwo is a pass that is about to ask the agents of the pods p0, which
// refuses, and p1.
func askingTwo(t *testing.T, refusal error) (*pass, *picky) {
	t.Helper()
	d := wrappers.MakeDatastore("db").Namespace("ns").UID("u").Obj()
	key := client.ObjectKeyFromObject(d)
	c := fake.NewClientBuilder().WithObjects(resource.Ledger(d, "c1", []byte(`{"clusterID":"c1","epoch":4}`))).Build()
	file, err := readLedger(t.Context(), c, d)
	if err != nil {
		t.Fatal(err)
	}
	agents := &picky{silentClient: silentClient{&recorder{}}, pod: "p0", refusal: refusal}
	if refusal == nil {
		agents.pod = "none"
	}
	f := fleet.New(func(fleet.Identity) (fleet.Client, error) { return agents, nil }, func(types.NamespacedName) {})
	t.Cleanup(f.Close)
	if err := f.Follow(key, fleet.Identity{}, []fleet.Target{{Member: "db-0", PodUID: "p0", Addr: "a0"}, {Member: "db-1", PodUID: "p1", Addr: "a1"}}); err != nil {
		t.Fatal(err)
	}
	first, second := step(func(s *engine.Step) { s.Secrets = nil }), step(func(s *engine.Step) { s.Member, s.Secrets = "db-1", nil })
	second.PodUID = "p1"
	return &pass{
		Reconciler: &Reconciler{Live: c, fleet: f, tenure: newTenure()}, d: d, key: key, ledger: file, secrets: &credentials{},
		kit: engine.Kit{Engine: credentialEngine{}}, findings: &findings{decision: plan.Decision{Asks: []plan.Ask{first, second}}},
	}, agents
}
