// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package cluster

import (
	"errors"
	"strings"
	"time"
)

const claimed = `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: kept}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 64Mi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: writer}
spec:
  terminationGracePeriodSeconds: 1
  securityContext: {runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000, runAsNonRoot: true}
  containers:
  - name: writer
    image: curlimages/curl:8
    command: [sh, -c, "[ -e /data/first ] && touch /data/second; touch /data/first; exec sleep 3600"]
    volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: kept}}]
`

// testStorage writes to a claim of the default class as an ordinary user, twice: the second pod finds what the first
// one wrote.
func testStorage(h *harness) {
	h.kube(claimed, "apply", "-f", "-")
	h.eventually("the first pod writes", time.Minute, func() error { return h.wrote("first") })
	h.kube("", "delete", "pod", "writer", "--wait")
	h.kube(claimed, "apply", "-f", "-")
	h.eventually("the second pod finds it", time.Minute, func() error { return h.wrote("second") })
	h.kube("", "delete", "pod", "writer", "--wait")
	h.kube("", "delete", "pvc", "kept", "--wait")
	h.eventually("the volume is reclaimed", time.Minute, func() error {
		volumes, err := h.tryKube("", "get", "pv", "-o", "name")
		if err == nil && volumes != "" {
			err = errors.New(volumes)
		}
		return err
	})
}

func (h *harness) wrote(file string) error {
	_, err := h.inPod("writer", "ls", "/data/"+file)
	return err
}

const guarded = `
apiVersion: v1
kind: Namespace
metadata: {name: guarded, labels: {pod-security.kubernetes.io/enforce: restricted}}
`

const mighty = `
apiVersion: v1
kind: Pod
metadata: {name: mighty, namespace: guarded}
spec: {containers: [{name: a, image: "curlimages/curl:8", securityContext: {privileged: true}}]}
`

func testPodSecurity(h *harness) {
	h.kube(guarded, "apply", "-f", "-")
	h.eventually("the namespace has its account", time.Minute, func() error {
		_, err := h.tryKube("", "get", "serviceaccount", "default", "--namespace", "guarded")
		return err
	})
	_, err := h.tryKube(mighty, "apply", "-f", "-")
	if err == nil || !strings.Contains(err.Error(), `violates PodSecurity "restricted`) {
		h.t.Errorf("a privileged pod in a restricted namespace: %v", err)
	}
	h.kube("", "delete", "namespace", "guarded", "--wait=false")
}
