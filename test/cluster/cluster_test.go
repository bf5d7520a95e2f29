// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package cluster

import (
	"testing"
	"time"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"
)

// limit is how long bringing a cluster up may take when all parts are built. It takes some 5 s on an idle machine of two
// processors; the rest is room for a busy one.
const limit = 60 * time.Second

func TestCluster(t *testing.T) {
	ctrl.SetLogger(logr.Discard())
	h := newHarness(t, "quorate-test")
	h.do("down")
	took := h.do("up", "--nodes", "3")
	t.Logf("up after %.1f s", took.Seconds())
	if took > limit {
		t.Errorf("bringing the cluster up took %s", took)
	}
	if status := h.status(); !status.Healthy() || len(status.Nodes) != 3 {
		t.Fatalf("status after up: %+v", status)
	}
	h.loadImages()
	h.createWeb()
	for _, step := range []struct {
		name string
		test func(*harness)
	}{
		{"up on a running cluster changes nothing", testUpAgain},
		{"pods reach names, each other and themselves", testNetwork},
		{"the machine reaches pods and services", testHost},
		{"nothing has a way out", testNoWayOut},
		{"a claim is provisioned and kept", testStorage},
		{"pod security is enforced", testPodSecurity},
		{"a node loses its power and gets it back", testNodeDown},
		{"a node is cut off and connected again", testPartition},
		{"the API server goes away and comes back", testAPIServer},
		{"a second cluster comes and goes", testSecondCluster},
		{"everything is killed and mended", testKilledThenUp},
		{"down leaves nothing", testDown},
		{"down on nothing is no error", func(h *harness) { h.do("down") }},
		{"up, everything killed, down leaves nothing", testKilledThenDown},
		{"an interrupted up leaves nothing after down", testInterrupted},
	} {
		if !t.Run(step.name, func(t *testing.T) { step.test(h.sub(t)) }) {
			t.Fatal("the steps build on each other")
		}
	}
}

func testUpAgain(h *harness) {
	before := h.status()
	took := h.do("up")
	h.t.Logf("up again after %.1f s", took.Seconds())
	after := h.status()
	for i, process := range after.Processes {
		if process != before.Processes[i] {
			h.t.Errorf("%+v became %+v", before.Processes[i], process)
		}
	}
	if _, err := h.try("up", "--nodes", "2"); err == nil {
		h.t.Error("the cluster is said to have shrunk")
	}
}

func testKilledThenUp(h *harness) {
	h.killEverything()
	h.do("up")
	if !h.status().Healthy() {
		h.t.Errorf("status: %+v", h.status())
	}
	h.eventually("pods run again", time.Minute, h.webRuns)
}

func testDown(h *harness) {
	traces := h.traces()
	h.t.Logf("down after %.1f s", h.do("down").Seconds())
	h.expectGone(traces)
}

func testKilledThenDown(h *harness) {
	h.t.Logf("up after %.1f s", h.do("up", "--nodes", "2").Seconds())
	traces := h.traces()
	h.killEverything()
	h.do("down")
	h.expectGone(traces)
}

// testInterrupted kills the program itself, at moments that are spread over what it does.
func testInterrupted(h *harness) {
	for _, after := range []time.Duration{20 * time.Millisecond, 100 * time.Millisecond, 500 * time.Millisecond, 2 * time.Second} {
		if _, err := command(h.t.Context(), after, "", h.program, "--name", h.name, "up"); err == nil {
			h.t.Logf("up was done within %s", after)
		}
		traces := h.tracesIfAny()
		h.do("down")
		h.expectGone(traces)
	}
}
