// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package chart checks that both ways to install the operator install the same.
package chart

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/quorate/quorate/hack/toolchain"
)

// TestChartEqualsKustomize renders chart and kustomization and compares every
// object. The namespace is helm's to make (--create-namespace).
func TestChartEqualsKustomize(t *testing.T) {
	tools, err := toolchain.Ensure(t.Context(), os.Stderr, "helm", "kubectl")
	if err != nil {
		t.Fatal(err)
	}
	chart := objects(t, tools["helm"], "template", "quorate", "../../charts/quorate", "--namespace", "quorate-system", "--include-crds")
	kustomize := objects(t, tools["kubectl"], "kustomize", "../../config/default")
	if len(chart) < 5 {
		t.Fatalf("the chart renders %d objects only", len(chart))
	}
	delete(kustomize, "Namespace quorate-system")
	if diff := cmp.Diff(kustomize, chart); diff != "" {
		t.Errorf("the chart differs from config/default (-kustomize +chart):\n%s", diff)
	}
}

// TestChartSetsArguments renders the chart with values that differ from what
// the manager does by itself.
func TestChartSetsArguments(t *testing.T) {
	tools, err := toolchain.Ensure(t.Context(), os.Stderr, "helm")
	if err != nil {
		t.Fatal(err)
	}
	for set, want := range map[string][]any{
		"concurrency=16":              {"manager", "--leader-elect"},
		"concurrency=3":               {"manager", "--leader-elect", "--concurrency=3"},
		"clusterDomain=example.org":   {"manager", "--leader-elect", "--cluster-domain=example.org"},
		"metrics.secure=false":        {"manager", "--leader-elect", "--metrics-secure=false"},
		"metrics.port=9090":           {"manager", "--leader-elect", "--metrics-bind-address=:9090"},
		"metrics.certificateSecret=x": {"manager", "--leader-elect", "--metrics-cert-path=/var/run/secrets/quorate.dev/metrics"},
		"extraArgs={--resync=1h,--v}": {"manager", "--leader-elect", "--resync=1h", "--v"},
	} {
		chart := objects(t, tools["helm"], "template", "quorate", "../../charts/quorate", "--set", set)
		containers, _, err := unstructured.NestedSlice(chart["Deployment quorate-manager"], "spec", "template", "spec", "containers")
		if err != nil || len(containers) != 1 {
			t.Fatalf("%d containers, %v", len(containers), err)
		}
		if diff := cmp.Diff(want, containers[0].(map[string]any)["args"]); diff != "" {
			t.Errorf("with %s (-want +got):\n%s", set, diff)
		}
	}
}

// TestChartServesMetrics renders the chart with what there is about metrics: the
// monitor trusts the certificate that the manager has, and where everybody may read
// nobody is reviewed.
func TestChartServesMetrics(t *testing.T) {
	tools, err := toolchain.Ensure(t.Context(), os.Stderr, "helm")
	if err != nil {
		t.Fatal(err)
	}
	const monitor = "ServiceMonitor quorate-manager"
	for set, want := range map[string]map[string]any{
		"metrics.secure=true": {
			"scheme": "https", "bearerTokenFile": "/var/run/secrets/kubernetes.io/serviceaccount/token", "tlsConfig": map[string]any{"insecureSkipVerify": true},
		},
		"metrics.certificateSecret=x": {
			"scheme": "https", "bearerTokenFile": "/var/run/secrets/kubernetes.io/serviceaccount/token", "tlsConfig": map[string]any{
				"serverName": "quorate-manager-metrics.here.svc", "ca": map[string]any{"secret": map[string]any{"name": "x", "key": "ca.crt"}},
			},
		},
		"metrics.secure=false": {},
	} {
		args := []string{"template", "quorate", "../../charts/quorate", "--namespace", "here", "--set", set}
		if _, found := objects(t, tools["helm"], args...)[monitor]; found {
			t.Error("there is a ServiceMonitor that nobody asked for")
		}
		chart := objects(t, tools["helm"], append(args, "--set", "metrics.serviceMonitor=true")...)
		endpoints, _, err := unstructured.NestedSlice(chart[monitor], "spec", "endpoints")
		if err != nil || len(endpoints) != 1 {
			t.Fatalf("%d endpoints, %v", len(endpoints), err)
		}
		want["port"], want["honorLabels"] = "metrics", true
		if diff := cmp.Diff(want, endpoints[0]); diff != "" {
			t.Errorf("with %s (-want +got):\n%s", set, diff)
		}
		if _, reviews := chart["ClusterRole quorate-metrics-auth-role"]; reviews == (set == "metrics.secure=false") {
			t.Errorf("with %s the manager may review: %v", set, reviews)
		}
		volumes, _, err := unstructured.NestedSlice(chart["Deployment quorate-manager"], "spec", "template", "spec", "volumes")
		if err != nil || len(volumes) == 1 != (set == "metrics.certificateSecret=x") {
			t.Errorf("with %s: %d volumes, %v", set, len(volumes), err)
		}
	}
}

// objects runs a command and decodes what it prints, by kind and name.
func objects(t *testing.T, name string, args ...string) map[string]map[string]any {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v", name, args, err)
	}
	found := map[string]map[string]any{}
	for dec := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(out), 4096); ; {
		var u unstructured.Unstructured
		err := dec.Decode(&u.Object)
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatalf("decode what %s printed: %v", name, err)
		}
		if len(u.Object) > 0 {
			found[u.GetKind()+" "+u.GetName()] = u.Object
		}
	}
}
