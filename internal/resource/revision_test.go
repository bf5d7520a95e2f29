// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
)

// revisionOf makes a revision as the StatefulSet controller does: the encoded
// template, marked to replace what is there.
func revisionOf(t *testing.T, set *appsv1.StatefulSet) *appsv1.ControllerRevision {
	t.Helper()
	encoded, err := runtime.Encode(scheme.Codecs.LegacyCodec(appsv1.SchemeGroupVersion), set)
	if err != nil {
		t.Fatal(err)
	}
	var tree map[string]any
	if err := json.Unmarshal(encoded, &tree); err != nil {
		t.Fatal(err)
	}
	template := tree["spec"].(map[string]any)["template"].(map[string]any)
	template["$patch"] = "replace"
	raw, err := json.Marshal(map[string]any{"spec": map[string]any{"template": template}})
	if err != nil {
		t.Fatal(err)
	}
	out := &appsv1.ControllerRevision{Data: runtime.RawExtension{Raw: raw}}
	out.Name = "db-1"
	return out
}

func TestTemplateOfRevision(t *testing.T) {
	for name, in := range map[string]Input{"minimal": input(datastore().Obj()), "full": fullInput()} {
		set := storedSet(t, in)
		got, err := TemplateOfRevision(revisionOf(t, set))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(set.Spec.Template, *got); diff != "" {
			t.Errorf("%s: template differs (-want +got):\n%s", name, diff)
		}
		if TemplateOf(got) != New(in).TemplateHash() {
			t.Errorf("%s: the template bears %s", name, TemplateOf(got))
		}
	}
}

func TestTemplateOfRevisionRefuses(t *testing.T) {
	for _, raw := range []string{
		``, `{`, `null`, `{}`, `{"spec":{"template":{"$patch":"replace"}}}`,
		`{"spec":{"template":{"spec":{"containers":[{"name":"a"}]}}}}`,
		`{"spec":{"template":{"$patch":"merge","spec":{"containers":[{"name":"a"}]}}}}`,
	} {
		revision := &appsv1.ControllerRevision{Data: runtime.RawExtension{Raw: []byte(raw)}}
		if got, err := TemplateOfRevision(revision); err == nil {
			t.Errorf("%q is the template %v", raw, got)
		}
	}
}
