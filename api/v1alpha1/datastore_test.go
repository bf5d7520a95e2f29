// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
)

// constants returns the string constants of a file of this package, by name, with their documentation.
func constants(t *testing.T, file string) map[string][2]string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][2]string{}
	ast.Inspect(parsed, func(node ast.Node) bool {
		if spec, ok := node.(*ast.ValueSpec); ok {
			value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			found[spec.Names[0].Name] = [2]string{value, spec.Doc.Text()}
		}
		return true
	})
	return found
}

func TestConditionsAndReasonsAreDocumentedConstants(t *testing.T) {
	valid := regexp.MustCompile(`^[A-Z][A-Za-z]{0,62}$`)
	for file, prefix := range map[string]string{"conditions.go": "Condition", "reasons.go": "Reason"} {
		found := constants(t, file)
		if len(found) < 5 {
			t.Errorf("%s has %d constants, want 5 at least", file, len(found))
		}
		for name, constant := range found {
			value, doc := constant[0], constant[1]
			if name != prefix+value || !valid.MatchString(value) {
				t.Errorf("%s: constant %s has value %q, want %s followed by the value in CamelCase", file, name, value, prefix)
			}
			if !strings.HasPrefix(doc, name+" ") {
				t.Errorf("%s: constant %s has documentation %q, want what it means", file, name, doc)
			}
		}
	}
}

func TestReasonsOfTroubleNameARemedy(t *testing.T) {
	found := constants(t, "reasons.go")
	for _, name := range []string{
		"ReasonInvalidConfig", "ReasonTemplateRejected", "ReasonConflict", "ReasonPodStuck", "ReasonForeignVolume",
		"ReasonDataLost", "ReasonLedgerLost", "ReasonCredentialsLost", "ReasonFormationUncertain", "ReasonPaused",
		"ReasonQuorumLost", "ReasonMembersSilent", "ReasonBlocked", "ReasonForming",
		"ReasonStopped", "ReasonRolloutFailed", "ReasonUpgradeRefused", "ReasonExpansionRefused", "ReasonVolumeFull", "ReasonDowntimeRefused",
		"ReasonMemberLost", "ReasonClaimTerminating", "ReasonMajorityLost", "ReasonRollingOut", "ReasonReloading", "ReasonSwitchingOver", "ReasonExpandingVolumes", "ReasonStopping",
	} {
		if doc := found[name][1]; !strings.Contains(doc, "\nRemedy: ") {
			t.Errorf("%s names no remedy: %q", name, doc)
		}
	}
}

func TestConsulSettingsFillsDefaults(t *testing.T) {
	defaults := ConsulSpec{Datacenter: "dc1", UI: ConsulUI{Enabled: ptr.To(true)}}
	cases := map[string]struct {
		given *ConsulSpec
		want  ConsulSpec
	}{
		"absent": {nil, defaults},
		"empty":  {&ConsulSpec{}, defaults},
		"given": {
			&ConsulSpec{Datacenter: "east", UI: ConsulUI{Enabled: ptr.To(false)}},
			ConsulSpec{Datacenter: "east", UI: ConsulUI{Enabled: ptr.To(false)}},
		},
		"ingress without path": {
			&ConsulSpec{UI: ConsulUI{Ingress: &Ingress{Host: "a"}}},
			ConsulSpec{Datacenter: "dc1", UI: ConsulUI{Enabled: ptr.To(true), Ingress: &Ingress{Host: "a", Path: "/"}}},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			datastore := &Datastore{Spec: DatastoreSpec{Consul: c.given}}
			before := datastore.DeepCopy()
			if diff := cmp.Diff(c.want, datastore.ConsulSettings()); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(before, datastore); diff != "" {
				t.Errorf("the Datastore was changed:\n%s", diff)
			}
		})
	}
}

func TestDesiredReplicas(t *testing.T) {
	if got := (&Datastore{}).DesiredReplicas(); got != 3 {
		t.Errorf("without replicas: got %d, want 3", got)
	}
	if got := (&Datastore{Spec: DatastoreSpec{Replicas: ptr.To[int32](5)}}).DesiredReplicas(); got != 5 {
		t.Errorf("with five: got %d", got)
	}
}

func TestAllowsDowntimeOnlyWhereItIsSaid(t *testing.T) {
	for given, want := range map[Disruption]bool{"": false, DisruptionProtect: false, "Other": false, DisruptionAllowDowntime: true} {
		if got := (&Datastore{Spec: DatastoreSpec{Disruption: given}}).AllowsDowntime(); got != want {
			t.Errorf("%q: got %t, want %t", given, got, want)
		}
	}
}

func TestStorageRetentionFillsDefaults(t *testing.T) {
	keep := Retention{WhenDeleted: RetentionRetain, WhenScaled: RetentionRetain, WhenLost: LostAsk}
	drop := Retention{WhenDeleted: RetentionDelete, WhenScaled: RetentionDelete, WhenLost: LostDelete}
	scaled := keep
	scaled.WhenScaled = RetentionDelete
	for name, c := range map[string]struct{ given, want Retention }{
		"absent":         {Retention{}, keep},
		"given":          {drop, drop},
		"in part":        {Retention{WhenScaled: RetentionDelete}, scaled},
		"not understood": {Retention{WhenDeleted: "delete", WhenScaled: "Ask", WhenLost: "Retain"}, keep},
	} {
		d := &Datastore{}
		d.Spec.Storage.Retention = c.given
		if diff := cmp.Diff(c.want, d.StorageRetention()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestSchemeKnowsTheKinds(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{DatastoreKind, DatastoreKind + "List"} {
		if !scheme.Recognizes(SchemeGroupVersion.WithKind(kind)) {
			t.Errorf("the scheme does not know %s", kind)
		}
	}
	if got := Resource("datastores").String(); got != "datastores.quorate.dev" {
		t.Errorf("the resource is %s", got)
	}
}
