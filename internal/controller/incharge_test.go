// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"errors"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/quorate/quorate/internal/agent/protocol"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/fleet"
	"github.com/quorate/quorate/internal/plan"
	"github.com/quorate/quorate/internal/resource"
	"github.com/quorate/quorate/test/wrappers"
)

// recorder takes down which actions arrive.
type recorder struct{ ids []string }

func (r *recorder) Act(_ context.Context, _ string, req protocol.ActionRequest) error {
	r.ids = append(r.ids, req.ID)
	return nil
}

// A manager that was frozen after its decision, and finds that another has
// written to the ledger since, asks nobody: the agent that it would ask may
// never have heard of its successor.
func TestAFrozenManagerAsksNobody(t *testing.T) {
	d := wrappers.MakeDatastore("db").Namespace("ns").UID("u").Obj()
	key := client.ObjectKeyFromObject(d)
	c := fake.NewClientBuilder().WithObjects(resource.Ledger(d, "c1", []byte(`{"clusterID":"c1","epoch":4}`))).Build()
	for name, change := range map[string]func(t *testing.T){
		"nothing happened": nil,
		"a successor wrote": func(t *testing.T) {
			f, err := readLedger(t.Context(), c, d)
			if err != nil {
				t.Fatal(err)
			}
			next := f.ledger.Clone()
			next.Epoch++
			if err := f.write(t.Context(), c, d, nil, next); err != nil {
				t.Fatal(err)
			}
		},
		"the ledger is gone": func(t *testing.T) {
			f, err := readLedger(t.Context(), c, d)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Delete(t.Context(), f.object.DeepCopy()); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				_ = c.Create(context.Background(), resource.Ledger(d, "c1", []byte(`{"clusterID":"c1","epoch":4}`)))
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, asked := frozen(t, c, key, d.Name)
			p.d = d
			if change != nil {
				change(t)
			}
			err := p.ask(t.Context())
			if change == nil && (err != nil || len(asked.ids) != 1) {
				t.Errorf("%d asked, %v", len(asked.ids), err)
			}
			if change != nil && (!errors.Is(err, errOutdated) || len(asked.ids) != 0) {
				t.Errorf("%d asked, %v", len(asked.ids), err)
			}
		})
	}
}

// frozen is a pass that is about to ask one agent.
func frozen(t *testing.T, c client.Client, key types.NamespacedName, name string) (*pass, *recorder) {
	t.Helper()
	asked := &recorder{}
	agents := fleet.New(func(fleet.Identity) (fleet.Client, error) { return silentClient{asked}, nil }, func(types.NamespacedName) {})
	t.Cleanup(agents.Close)
	if err := agents.Follow(key, fleet.Identity{}, []fleet.Target{{Member: name + "-0", PodUID: "p0", Addr: "a0"}}); err != nil {
		t.Fatal(err)
	}
	d := wrappers.MakeDatastore(name).Namespace(key.Namespace).UID("u").Obj()
	file, err := readLedger(t.Context(), c, d)
	if err != nil {
		t.Fatal(err)
	}
	a := step(func(s *engine.Step) { s.Secrets = nil })
	return &pass{
		Reconciler: &Reconciler{Live: c, fleet: agents, tenure: newTenure()}, d: d, key: key, ledger: file, secrets: &credentials{},
		kit: engine.Kit{Engine: credentialEngine{}}, findings: &findings{decision: plan.Decision{Asks: []plan.Ask{a}}},
	}, asked
}

// silentClient never has a report.
type silentClient struct{ *recorder }

func (silentClient) Report(ctx context.Context, _, _ string, _ time.Duration) (protocol.ReportReply, error) {
	<-ctx.Done()
	return protocol.ReportReply{}, ctx.Err()
}
