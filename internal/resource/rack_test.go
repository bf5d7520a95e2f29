// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/agent/settings"
	"github.com/quorate/quorate/internal/engine"
)

// rackedEngine has two racks, in an order that is not that of their names.
type rackedEngine struct{ webEngine }

func (rackedEngine) Racks(*v1alpha1.Datastore) []engine.Rack {
	return []engine.Rack{{Name: "z", Zone: "zone-z"}, {Name: "a", Zone: "zone-a"}}
}

// inTwo returns five members in two racks.
func inTwo(pod func(*v1alpha1.PodSpec)) Input {
	in := input(datastore().Pod(pod).Obj())
	in.Engine, in.Replicas = rackedEngine{webEngine{fakeEngine{stable: true}}}, 5
	return in
}

func goldNodes(p *v1alpha1.PodSpec) { p.NodeSelector = map[string]string{"disk": "gold"} }

// template is what all racks share of a pod template.
func template(s *appsv1.StatefulSet) corev1.PodTemplateSpec {
	t := *s.Spec.Template.DeepCopy()
	delete(t.Labels, RackLabel)
	delete(t.Spec.NodeSelector, corev1.LabelTopologyZone)
	return t
}

func TestARackHasAStatefulSetOfItsOwn(t *testing.T) {
	sets := New(inTwo(goldNodes)).StatefulSets(nil, true)
	if len(sets) != 2 || *sets[0].Spec.Replicas != 3 || *sets[1].Spec.Replicas != 2 {
		t.Fatalf("there are %d StatefulSets", len(sets))
	}
	for i, rack := range []string{"z", "a"} {
		s := sets[i]
		want := map[string]string{DatastoreLabel: "db", ComponentLabel: ComponentServer, RackLabel: rack}
		if s.Name != "db-rack-"+rack || s.Spec.ServiceName != "db" || !cmp.Equal(s.Spec.Selector.MatchLabels, want) || s.Labels[RackLabel] != rack {
			t.Errorf("%s of %s selects %v, and has %v", s.Name, s.Spec.ServiceName, s.Spec.Selector.MatchLabels, s.Labels)
		}
		told := slices.ContainsFunc(s.Spec.Template.Spec.InitContainers[0].Env, func(e corev1.EnvVar) bool {
			return e.Name == settings.EnvRack && e.ValueFrom.FieldRef.FieldPath == "metadata.labels['"+RackLabel+"']"
		})
		if !told {
			t.Errorf("init of %s is not told its rack", s.Name)
		}
		if s.Spec.Template.Labels[RackLabel] != rack {
			t.Errorf("%s does not select its own pods: %v", s.Name, s.Spec.Template.Labels)
		}
		if diff := cmp.Diff(map[string]string{"disk": "gold", corev1.LabelTopologyZone: "zone-" + rack}, s.Spec.Template.Spec.NodeSelector); diff != "" {
			t.Errorf("%s: %s", s.Name, diff)
		}
	}
	if diff := cmp.Diff(template(sets[0]), template(sets[1])); diff != "" {
		t.Errorf("the racks differ in more than their place: %s", diff)
	}
	if diff := cmp.Diff(sets[0].Annotations[WrittenAnnotation], sets[1].Annotations[WrittenAnnotation]); diff != "" {
		t.Errorf("the racks have other records: %s", diff)
	}
}

// The others have the template of the one that leads, whatever the specification says,
// and also where its record is lost and only the stored object is left.
func TestTheOtherRacksFollowTheOneThatLeads(t *testing.T) {
	for name, spoil := range map[string]func(*appsv1.StatefulSet){
		"with its record":    func(*appsv1.StatefulSet) {},
		"without its record": func(s *appsv1.StatefulSet) { delete(s.Annotations, WrittenAnnotation) },
	} {
		for i := range 2 { // which one is left to lead
			lead := stored(t, New(inTwo(func(*v1alpha1.PodSpec) {})).StatefulSets(nil, true)[i])
			spoil(lead)
			changed := New(inTwo(goldNodes))
			for j, s := range changed.StatefulSets(lead, false) {
				if diff := cmp.Diff(template(lead), template(s)); diff != "" {
					t.Errorf("%s: rack %d leads, and %d has another template: %s", name, i, j, diff)
				}
				if got, want := s.Spec.Template.Spec.NodeSelector[corev1.LabelTopologyZone], "zone-"+s.Labels[RackLabel]; got != want {
					t.Errorf("%s: the pods of %s run in %s", name, s.Name, got)
				}
			}
			for _, s := range changed.StatefulSets(lead, true) {
				if s.Spec.Template.Spec.NodeSelector["disk"] != "gold" {
					t.Errorf("%s: %s has not the template that was to be written", name, s.Name)
				}
			}
		}
	}
}

func TestRacksAtRest(t *testing.T) {
	in := inTwo(goldNodes)
	var have []*appsv1.StatefulSet
	for _, s := range New(in).StatefulSets(nil, true) {
		s = stored(t, s)
		serverFills(s)
		have = append(have, s)
	}
	for _, write := range []bool{false, true} {
		for i, desired := range New(in).StatefulSets(have[0], write) {
			if yes, why := NeedsApply(desired, have[i]); yes {
				t.Errorf("%s is applied again with writeTemplate %t: %s", desired.Name, write, why)
			}
		}
	}
}

// TestNamesOfRacksFit renders the longest names that the schema keeps, and the most
// members.
func TestNamesOfRacksFit(t *testing.T) {
	for _, long := range []struct{ name, rack int }{{16, 30}, {v1alpha1.MaxNameLength, 1}} {
		in := inTwo(func(*v1alpha1.PodSpec) {})
		in.Datastore.Name, in.Replicas = strings.Repeat("n", long.name), 50
		in.Engine = longRacks{rackedEngine{webEngine{fakeEngine{stable: true}}}, long.rack}
		seen := map[string]bool{}
		for _, o := range New(in).Children(Observed{}, true) {
			for _, problem := range validation.IsDNS1035Label(o.GetName()) {
				t.Errorf("name of %s %s: %s", kindOf(o), o.GetName(), problem)
			}
			for label, value := range o.GetLabels() {
				for _, problem := range validation.IsValidLabelValue(value) {
					t.Errorf("label %s of %s: %s", label, o.GetName(), problem)
				}
			}
			if key := kindOf(o) + "/" + o.GetName(); seen[key] {
				t.Errorf("two objects are %s", key)
			} else {
				seen[key] = true
			}
			// The label controller-revision-hash.
			if revision := o.GetName() + "-5b8c7d9f6c"; kindOf(o) == "StatefulSet" && len(revision) > validation.LabelValueMaxLength {
				t.Errorf("%s has %d characters", revision, len(revision))
			}
		}
	}
}

// longRacks has racks with names of a length.
type longRacks struct {
	rackedEngine
	length int
}

func (e longRacks) Racks(d *v1alpha1.Datastore) []engine.Rack {
	out := e.rackedEngine.Racks(d)
	for i := range out {
		out[i].Name = strings.Repeat(out[i].Name, e.length)
	}
	return out
}
