// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

// serverFills does what the API server does to a StatefulSet that it stores.
func serverFills(s *appsv1.StatefulSet) {
	t := &s.Spec.Template.Spec
	t.DNSPolicy = corev1.DNSClusterFirst
	t.RestartPolicy = corev1.RestartPolicyAlways
	t.SchedulerName = corev1.DefaultSchedulerName
	fill := func(containers []corev1.Container) {
		for i := range containers {
			c := &containers[i]
			c.ImagePullPolicy = corev1.PullIfNotPresent
			c.TerminationMessagePath = corev1.TerminationMessagePathDefault
			if c.StartupProbe != nil {
				c.StartupProbe.SuccessThreshold = 1
			}
		}
	}
	fill(t.InitContainers)
	fill(t.Containers)
	for i := range s.Spec.VolumeClaimTemplates {
		c := &s.Spec.VolumeClaimTemplates[i]
		c.Kind, c.APIVersion = "PersistentVolumeClaim", "v1"
		c.Spec.VolumeMode = ptr.To(corev1.PersistentVolumeFilesystem)
		c.Status.Phase = corev1.ClaimPending
	}
	s.Status.Replicas = 3
	s.ResourceVersion, s.UID, s.Generation = "7", "set-uid", 1
}

func storedSet(t *testing.T, in Input) *appsv1.StatefulSet {
	t.Helper()
	s := stored(t, New(in).StatefulSets(nil, true)[0])
	serverFills(s)
	return s
}

func needs(t *testing.T, in Input, existing *appsv1.StatefulSet, write bool) (*appsv1.StatefulSet, bool, string) {
	t.Helper()
	desired := New(in).StatefulSets(existing, write)[0]
	yes, why := NeedsApply(desired, existing)
	return desired, yes, why
}

func TestStatefulSetAtRest(t *testing.T) {
	for name, in := range map[string]Input{"minimal": input(datastore().Obj()), "full": fullInput()} {
		t.Run(name, func(t *testing.T) {
			for _, write := range []bool{false, true} {
				if _, yes, why := needs(t, in, storedSet(t, in), write); yes {
					t.Errorf("it is applied again with writeTemplate %t: %s", write, why)
				}
			}
		})
	}
}

func TestOperatorUpgradeChangesNoTemplate(t *testing.T) {
	in := input(datastore().Obj())
	existing := storedSet(t, in)
	in.AgentImage = "quorate/quorate:next"
	if _, yes, why := needs(t, in, existing, false); yes {
		t.Errorf("an operator with another agent applies: %s", why)
	}
	desired, yes, _ := needs(t, in, existing, true)
	if !yes || desired.Spec.Template.Spec.InitContainers[1].Image != "quorate/quorate:next" {
		t.Error("the template is not written anew when it may be")
	}
}

func TestChangeWaitsUntilItMayBeWritten(t *testing.T) {
	before := input(datastore().Limit("cpu", "1").Obj())
	after := input(datastore().Limit("cpu", "2").Obj())
	existing := storedSet(t, before)
	if _, yes, why := needs(t, after, existing, false); yes {
		t.Errorf("a change that waits is applied: %s", why)
	}
	after.Replicas = 5
	desired, yes, _ := needs(t, after, existing, false)
	if !yes || *desired.Spec.Replicas != 5 {
		t.Fatal("the size does not follow while a change waits")
	}
	if got, want := TemplateOf(&desired.Spec.Template), New(before).TemplateHash(); got != want {
		t.Errorf("template is %s while a change waits, want the old one, %s", got, want)
	}
	scaled := stored(t, desired)
	serverFills(scaled)
	if _, yes, why := needs(t, after, scaled, false); yes {
		t.Errorf("it is applied twice while a change waits: %s", why)
	}
	desired, yes, _ = needs(t, after, scaled, true)
	if got, want := TemplateOf(&desired.Spec.Template), New(after).TemplateHash(); !yes || got != want {
		t.Errorf("template is %s once it may be written, want %s", got, want)
	}
}

func TestForeignChangeOfTemplateIsUndone(t *testing.T) {
	in := input(datastore().Obj())
	existing := storedSet(t, in)
	existing.Spec.Template.Spec.Containers[0].Image = "example/evil"
	desired, yes, why := needs(t, in, existing, false)
	if !yes {
		t.Fatal("it goes unnoticed")
	}
	if want := "spec.template.spec.containers.image was changed by somebody else"; why != want {
		t.Errorf("reason is %q, want %q", why, want)
	}
	if got := desired.Spec.Template.Spec.Containers[0].Image; got != in.ServerImage {
		t.Errorf("image is put back to %s, want %s", got, in.ServerImage)
	}
}

// TestLostRecord: without the annotation the stored template is taken for the
// last one, and applied once to record it.
func TestLostRecord(t *testing.T) {
	in := input(datastore().Obj())
	for _, record := range []string{"", "{", "{}"} {
		existing := storedSet(t, in)
		existing.Annotations[WrittenAnnotation] = record
		next := in
		next.AgentImage = "quorate/quorate:next"
		desired, yes, _ := needs(t, next, existing, false)
		if !yes || desired.Spec.Template.Spec.InitContainers[1].Image != in.AgentImage {
			t.Fatalf("record %q: the stored template is not kept", record)
		}
		again := stored(t, desired)
		serverFills(again)
		if _, yes, why := needs(t, next, again, false); yes {
			t.Errorf("record %q: it is applied a second time: %s", record, why)
		}
	}
}

// TestClaimTemplatesStay: the API server refuses any change of them.
func TestClaimTemplatesStay(t *testing.T) {
	existing := storedSet(t, input(datastore().StorageSize("1Gi").Obj()))
	grown := input(datastore().StorageSize("2Gi").Obj())
	if _, yes, why := needs(t, grown, existing, true); yes {
		t.Errorf("a change of size is applied: %s", why)
	}
	if got := New(grown).ClaimSize(); got.String() != "2Gi" {
		t.Errorf("claims are to have %s", &got)
	}
	anew := New(grown).StatefulSets(nil, false)[0]
	if got := anew.Spec.VolumeClaimTemplates[0].Spec.Resources.Requests.Storage(); got.String() != "2Gi" {
		t.Errorf("a StatefulSet that is made anew asks for %s", got)
	}
}
