// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package cluster

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// web is a pod on one node that answers with its name, and a service that leads to it alone.
const web = `
apiVersion: v1
kind: Pod
metadata: {name: web-%[1]d, labels: {app: web, web: "%[1]d"}}
spec:
  nodeSelector: {kubernetes.io/hostname: %[2]s}
  terminationGracePeriodSeconds: 1
  containers:
  - name: web
    image: curlimages/curl:8
    command: [sh, -c, "hostname >/www/index.html; exec httpd -f -p 8080 -h /www"]
    readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
    volumeMounts: [{name: www, mountPath: /www}]
  volumes: [{name: www, emptyDir: {}}]
---
apiVersion: v1
kind: Service
metadata: {name: web-%[1]d}
spec: {selector: {web: "%[1]d"}, ports: [{port: 80, targetPort: 8080}]}
---
`

// createWeb puts one web pod on every node and waits until all are ready.
func (h *harness) createWeb() {
	h.t.Helper()
	var manifest strings.Builder
	for _, node := range h.cluster().NodeList() {
		fmt.Fprintf(&manifest, web, node.Number, node.Name)
	}
	h.kube(manifest.String(), "apply", "-f", "-")
	h.eventually("a pod runs on every node", time.Minute, h.webRuns)
}

// webRuns asks the cluster's services from this machine whether every web pod answers.
func (h *harness) webRuns() error {
	var missing []error
	for _, node := range h.cluster().NodeList() {
		address, err := h.tryKube("", "get", "service", fmt.Sprintf("web-%d", node.Number), "-o", "jsonpath={.spec.clusterIP}")
		if err == nil {
			err = expectWeb(address, node.Number)
		}
		missing = append(missing, err)
	}
	return errors.Join(missing...)
}

func (h *harness) serviceAddress(number int) string {
	h.t.Helper()
	return h.kube("", "get", "service", fmt.Sprintf("web-%d", number), "-o", "jsonpath={.spec.clusterIP}")
}

func (h *harness) podAddress(number int) string {
	h.t.Helper()
	return h.kube("", "get", "pod", fmt.Sprintf("web-%d", number), "-o", "jsonpath={.status.podIP}")
}

// client asks anew each time, and of nobody in between.
var client = http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// expectWeb asks an address from this machine and wants the name of the numbered pod.
func expectWeb(address string, number int) error {
	response, err := client.Get("http://" + address + "/")
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if want := fmt.Sprintf("web-%d", number); strings.TrimSpace(string(body)) != want {
		return fmt.Errorf("%s answers %q, not %s", address, body, want)
	}
	return nil
}

// testNetwork asks every pod from every pod, itself included: by a short and the full name of its service, and without a
// service in between. (A pod's bare name would mean the pod itself to it.)
func testNetwork(h *harness) {
	for _, from := range h.cluster().NodeList() {
		for _, to := range h.cluster().NodeList() {
			pod, want := fmt.Sprintf("web-%d", from.Number), fmt.Sprintf("web-%d", to.Number)
			for _, address := range []string{want + ".default", want + ".default.svc.cluster.local", h.podAddress(to.Number) + ":8080"} {
				output, err := h.inPod(pod, "curl", "--silent", "--show-error", "--max-time", "3", "http://"+address+"/")
				if err != nil || strings.TrimSpace(output) != want {
					h.t.Errorf("%s asks %s: %q, %v", pod, address, output, err)
				}
			}
		}
	}
}

// testHost also asks each pod directly.
func testHost(h *harness) {
	if err := h.webRuns(); err != nil {
		h.t.Error(err)
	}
	for _, node := range h.cluster().NodeList() {
		if err := expectWeb(h.podAddress(node.Number)+":8080", node.Number); err != nil {
			h.t.Error(err)
		}
	}
}

func testNoWayOut(h *harness) {
	for _, arguments := range [][]string{{"run"}, {"run", "--node", "1"}} {
		output, err := h.try(append(arguments, "--", "ip", "route", "get", "192.0.2.77")...)
		if err == nil {
			h.t.Errorf("%s: there is a route to the outside: %s", strings.Join(arguments, " "), output)
		}
	}
	if output, err := h.inPod("web-1", "nslookup", "example.com."); err == nil {
		h.t.Errorf("a name of the outside is resolved: %s", output)
	}
}
