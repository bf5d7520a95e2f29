// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"testing"

	"sigs.k8s.io/yaml"
)

// The chart leaves out what the manager does by itself, so its values must be
// the defaults of the flags.
func TestTheChartsValuesAreTheFlagsDefaults(t *testing.T) {
	text, err := os.ReadFile("../../charts/quorate/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var values map[string]any
	if err := yaml.Unmarshal(text, &values); err != nil {
		t.Fatal(err)
	}
	flags := newManagerCommand(nil).Flags()
	metrics := values["metrics"].(map[string]any)
	values["metrics.port"], values["metrics.secure"] = fmt.Sprint(":", metrics["port"]), metrics["secure"]
	for value, flag := range map[string]string{"clusterDomain": "cluster-domain", "concurrency": "concurrency", "metrics.port": "metrics-bind-address", "metrics.secure": "metrics-secure"} {
		if got, want := fmt.Sprint(values[value]), flags.Lookup(flag).DefValue; got != want {
			t.Errorf("%s is %q in the chart, and --%s is %q", value, got, flag, want)
		}
	}
}

// A pass may wait for two seconds for members that do not answer; others must
// not stand in line behind a few such.
func TestManyAreReconciledAtOnce(t *testing.T) {
	if n, err := newManagerCommand(nil).Flags().GetInt("concurrency"); err != nil || n < 16 {
		t.Errorf("%d, %v", n, err)
	}
}
