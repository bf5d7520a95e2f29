// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/cassandra/node"
	"github.com/quorate/quorate/internal/engine/consul/consulagent"
	"github.com/quorate/quorate/internal/engine/mongodb/mongod"
)

var (
	kindForm      = regexp.MustCompile(`(?m)^kind: (\w+)\s*$`)
	separatorForm = regexp.MustCompile(`(?m)^---$`)
)

// TestSamplesAreRight reads every Datastore in the pages as the API server
// would, and has its engine judge it.
func TestSamplesAreRight(t *testing.T) {
	engines, err := engine.NewRegistry(consulagent.Kit(), mongod.Kit(), node.Kit())
	if err != nil {
		t.Fatal(err)
	}
	samples := 0
	for _, d := range documents(t) {
		_, blocks := split(d.text)
		for _, b := range blocks {
			if b.language != "yaml" {
				continue
			}
			for _, text := range separatorForm.Split(b.text, -1) {
				if kind := kindForm.FindStringSubmatch(text); kind != nil && kind[1] == v1alpha1.DatastoreKind {
					samples++
					checkSample(t, engines, d.path, text)
				}
			}
		}
	}
	if samples < 3 {
		t.Errorf("only %d samples were found", samples)
	}
}

func checkSample(t *testing.T, engines *engine.Registry, page, text string) {
	t.Helper()
	where := page + ": " + strings.SplitN(text, "\n", 6)[0]
	var d v1alpha1.Datastore
	if err := yaml.UnmarshalStrict([]byte(text), &d); err != nil {
		t.Errorf("%s: %v in\n%s", where, err, text)
		return
	}
	if d.APIVersion != v1alpha1.SchemeGroupVersion.String() {
		t.Errorf("%s: the sample has the version %q", where, d.APIVersion)
	}
	kit, err := engines.Kit(d.Spec.Engine)
	if err != nil {
		t.Errorf("%s: %v", where, err)
		return
	}
	if errs := kit.Engine.Validate(nil, &d); len(errs) > 0 {
		t.Errorf("%s: the engine refuses the sample: %v", where, errs.ToAggregate())
	}
	if d.Spec.Storage.Size.IsZero() {
		t.Errorf("%s: the sample has no storage", where)
	}
}
