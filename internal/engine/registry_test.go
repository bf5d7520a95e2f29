// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"slices"
	"strings"
	"testing"

	"github.com/quorate/quorate/api/v1alpha1"
)

func TestRegistry(t *testing.T) {
	r, err := NewRegistry(Kit{Name: "Zebra"}, Kit{Name: "Ant"}, Kit{Name: "Mole"})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := r.Names(), []v1alpha1.Engine{"Ant", "Mole", "Zebra"}; !slices.Equal(got, want) {
		t.Errorf("names %v, want %v", got, want)
	}
	if k, err := r.Kit("Mole"); err != nil || k.Name != "Mole" {
		t.Errorf("%v, %v", k.Name, err)
	}
	_, err = r.Kit("Yak")
	if err == nil || !strings.Contains(err.Error(), `"Yak"`) || !strings.Contains(err.Error(), "[Ant Mole Zebra]") {
		t.Errorf("an unknown engine: %v", err)
	}
}

func TestRegistryRefusesANameTwice(t *testing.T) {
	if _, err := NewRegistry(Kit{Name: "Ant"}, Kit{Name: "Mole"}, Kit{Name: "Ant"}); err == nil || !strings.Contains(err.Error(), `"Ant"`) {
		t.Errorf("error %v", err)
	}
}

func TestEmptyRegistry(t *testing.T) {
	r, err := NewRegistry()
	if err != nil || len(r.Names()) != 0 {
		t.Errorf("%v, %v", r.Names(), err)
	}
	if _, err := r.Kit("Ant"); err == nil {
		t.Error("an engine from nowhere")
	}
}
