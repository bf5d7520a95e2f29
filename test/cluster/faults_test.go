// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package cluster

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// noticed is how long it may take until Kubernetes says of a lost node that it is not ready: 16 s, and some for a busy
// machine.
const noticed = 40 * time.Second

// isReady asks Kubernetes whether a node is ready.
func (h *harness) isReady(number int, want corev1.ConditionStatus) error {
	if got := h.status().Nodes[number-1].Ready; got != want {
		return fmt.Errorf("readiness of node %d is %q, not %s", number, got, want)
	}
	return nil
}

func testNodeDown(h *harness) {
	node, address := h.node(2), h.podAddress(2)
	h.t.Logf("off after %.1f s", h.do("node", "down", node.Name).Seconds())
	if status := h.status().Nodes[1]; status.On || status.Connected {
		h.t.Errorf("a node without power: %+v", status)
	}
	if pids := processesIn(h.t, h.cluster().NodeCgroup(node)); len(pids) > 0 {
		h.t.Errorf("processes %v run without power", pids)
	}
	if err := h.isReady(2, corev1.ConditionTrue); err != nil {
		h.t.Errorf("somebody told Kubernetes before it could notice: %v", err)
	}
	if expectWeb(address+":8080", 2) == nil {
		h.t.Error("its pod still answers")
	}
	if err := expectWeb(h.serviceAddress(1), 1); err != nil {
		h.t.Errorf("the pod of another node: %v", err)
	}
	h.eventually("the loss is noticed", noticed, func() error { return h.isReady(2, corev1.ConditionUnknown) })
	h.t.Logf("on and ready after %.1f s", h.do("node", "up", "2").Seconds())
	h.eventually("its pod answers again", time.Minute, h.webRuns)
	if !h.status().Healthy() {
		h.t.Errorf("status: %+v", h.status())
	}
}

func testPartition(h *harness) {
	node, address := h.node(3), h.podAddress(3)
	h.do("node", "partition", node.Name)
	if status := h.status().Nodes[2]; !status.On || status.Connected {
		h.t.Errorf("a node that is cut off: %+v", status)
	}
	if expectWeb(address+":8080", 3) == nil {
		h.t.Error("its pod can still be reached")
	}
	h.eventually("the loss is noticed", noticed, func() error { return h.isReady(3, corev1.ConditionUnknown) })
	// On the node itself its pod is reached as before.
	output, err := h.try("run", "--node", "3", "--", "curl", "--silent", "--max-time", "3", "http://"+address+":8080/")
	if err != nil || strings.TrimSpace(output) != "web-3" {
		h.t.Errorf("the pod as seen from its node: %q, %v", output, err)
	}
	if len(processesIn(h.t, h.cluster().NodeCgroup(node))) == 0 {
		h.t.Error("its processes were ended")
	}
	h.t.Logf("ready after %.1f s", h.do("node", "heal", "3").Seconds())
	h.eventually("its pod can be reached again", time.Minute, h.webRuns)
	if restarts := h.kube("", "get", "pod", "web-3", "-o", "jsonpath={.status.containerStatuses[0].restartCount}"); restarts != "0" {
		h.t.Errorf("its pod was restarted %s times", restarts)
	}
}

func testAPIServer(h *harness) {
	address := h.serviceAddress(2)
	h.do("apiserver", "down")
	if _, err := h.tryKube("", "get", "nodes"); err == nil {
		h.t.Error("the API server still answers")
	}
	if err := expectWeb(address, 2); err != nil {
		h.t.Errorf("services do not work without the API server: %v", err)
	}
	if _, err := h.try("status"); err == nil {
		h.t.Error("status finds nothing missing")
	}
	h.t.Logf("ready after %.1f s", h.do("apiserver", "up").Seconds())
	h.eventually("all is well again", time.Minute, func() error {
		if status := h.status(); !status.Healthy() {
			return fmt.Errorf("%+v", status)
		}
		return nil
	})
}

// testSecondCluster has another one beside the first, which must not notice, and lets it grow.
func testSecondCluster(h *harness) {
	other := newHarness(h.t, "quorate-test2")
	h.t.Logf("up after %.1f s", other.do("up", "--nodes", "1").Seconds())
	if h.cluster().Slot == other.cluster().Slot {
		h.t.Errorf("both clusters have slot %d", h.cluster().Slot)
	}
	h.t.Logf("grown after %.1f s", other.do("up", "--nodes", "2").Seconds())
	if nodes := len(other.status().Nodes); nodes != 2 {
		h.t.Errorf("the second cluster has %d nodes", nodes)
	}
	traces := other.traces()
	for name, status := range map[string]bool{"first": h.status().Healthy(), "second": other.status().Healthy()} {
		if !status {
			h.t.Errorf("the %s cluster is not healthy", name)
		}
	}
	other.do("down")
	other.expectGone(traces)
	if err := h.webRuns(); err != nil || !h.status().Healthy() {
		h.t.Errorf("the first cluster after the second is gone: %v, %+v", err, h.status())
	}
}
