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
