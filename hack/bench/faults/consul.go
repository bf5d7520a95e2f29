// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"fmt"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/hack/bench/load"
	"github.com/quorate/quorate/hack/bench/manifests"
	"github.com/quorate/quorate/hack/bench/quorum"
)

// consul is measured with all scenarios, and first of all engines.
func consul() *engine {
	e := &engine{
		key: "consul", name: "Consul", set: manifests.Name, older: "1.21.5", newer: "1.22.3",
		tutorial: byHand{}, datastore: operated{manifest: manifests.Datastore(), set: manifests.Name, secret: "token"},
		handOver: transferLeader, prober: askConsul, client: writeKeys,
		target: "make bench-faults", report: "docs/benchmarks/faults.md", explained: explained,
	}
	e.replaced = e.firstReplaced
	e.scenarios = func() []scenario {
		out := append(e.losses(), e.fullDisk())
		return append(append(append(out, e.changes()...), e.setting()), e.outages()...)
	}
	return e
}

func transferLeader(ctx context.Context, st *stage, leader quorum.Member, to string) error {
	token, err := st.subject.token(ctx, st)
	if err != nil {
		return err
	}
	url := leader.URL + "/v1/operator/raft/transfer-leader?id=" + to
	if _, ok := st.Reach.Call(ctx, http.MethodPost, url, token, ""); !ok {
		return fmt.Errorf("transfer the leadership away from %s: it is refused", leader.Name)
	}
	return nil
}

func askConsul(ctx context.Context, st *stage) (quorum.Prober, error) {
	token, err := st.subject.token(ctx, st)
	if err != nil {
		return nil, err
	}
	return quorum.NewConsul(st.Reach.Apart(true), token), nil
}

// writeKeys writes by way of the clients' Service.
func writeKeys(ctx context.Context, st *stage, sc scenario) (writer, error) {
	var s corev1.Service
	if err := st.K8s.Get(ctx, client.ObjectKey{Namespace: st.namespace, Name: st.subject.service()}, &s); err != nil {
		return nil, fmt.Errorf("get the clients' service: %w", err)
	}
	token, err := st.subject.token(ctx, st)
	if err != nil {
		return nil, err
	}
	return load.NewClient(st.Reach, st.Reach.Service(st.namespace, s.Name, s.Spec.ClusterIP), token, sc.value), nil
}

// fullDisk needs what only Consul was taught: small files of its log.
func (e *engine) fullDisk() scenario {
	return scenario{
		name: "disk-full", title: "leader's disk full, then all volumes enlarged", counts: "the enlargement",
		setup: fullSetup(), value: fullValue, machine: true,
		apply: fillDisk, missing: enlarged,
	}
}

// setting is one that running servers take up.
func (e *engine) setting() scenario {
	return scenario{
		name: "configuration", title: setting + " changed to " + settingValue, setup: e.three(),
		apply: configure, missing: configured, target: planned,
	}
}
