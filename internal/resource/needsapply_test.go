// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
)

func TestNeedsApplyOfService(t *testing.T) {
	b := New(input(datastore().Obj()))
	for _, c := range []struct {
		name   string
		change func(*corev1.Service)
		why    string
	}{
		{"nothing", func(*corev1.Service) {}, ""},
		{"filled in by the API server", func(s *corev1.Service) {
			s.Spec.ClusterIP, s.Spec.ClusterIPs = "10.96.0.7", []string{"10.96.0.7"}
			s.Spec.SessionAffinity = corev1.ServiceAffinityNone
			s.Spec.IPFamilyPolicy = ptr.To(corev1.IPFamilyPolicySingleStack)
			s.Spec.Ports[0].NodePort = 30000
			s.ResourceVersion, s.UID = "9", "u"
		}, ""},
		{"status", func(s *corev1.Service) {
			s.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "1.2.3.4"}}
		}, ""},
		{"annotation of somebody else", func(s *corev1.Service) { s.Annotations["example.com/a"] = "b" }, ""},
		{"owner of somebody else", func(s *corev1.Service) {
			s.OwnerReferences = append([]metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: "x", UID: "x"}}, s.OwnerReferences...)
		}, ""},
		{"port of somebody else", func(s *corev1.Service) {
			s.Spec.Ports = append([]corev1.ServicePort{{Name: "x", Port: 1, Protocol: corev1.ProtocolTCP}}, s.Spec.Ports...)
		}, ""},
		{"label changed", func(s *corev1.Service) { s.Labels[ComponentLabel] = "x" }, "metadata.labels." + ComponentLabel + " was changed by somebody else"},
		{"label removed", func(s *corev1.Service) { delete(s.Labels, appName) }, "metadata.labels." + appName + " was changed by somebody else"},
		{"selector", func(s *corev1.Service) { s.Spec.Selector = nil }, "spec.selector was changed by somebody else"},
		{"target port", func(s *corev1.Service) { s.Spec.Ports[0].TargetPort = intstr.FromInt32(1) }, "spec.ports.targetPort was changed by somebody else"},
		{"port removed", func(s *corev1.Service) { s.Spec.Ports = nil }, "spec.ports was changed by somebody else"},
		{"owner removed", func(s *corev1.Service) { s.OwnerReferences = nil }, "metadata.ownerReferences was changed by somebody else"},
		{"hash removed", func(s *corev1.Service) { delete(s.Annotations, AppliedAnnotation) }, "it was last applied as something else"},
	} {
		t.Run(c.name, func(t *testing.T) {
			existing := stored(t, b.ClientService())
			c.change(existing)
			if yes, why := NeedsApply(b.ClientService(), existing); why != c.why || yes != (c.why != "") {
				t.Errorf("needs apply: %t, %q; want %q", yes, why, c.why)
			}
		})
	}
	if yes, why := NeedsApply(b.ClientService(), (*corev1.Service)(nil)); !yes || why != "it does not exist" {
		t.Errorf("a Service that is not there: %t, %q", yes, why)
	}
	if yes, _ := NeedsApply(b.ClientService(), nil); !yes {
		t.Error("a Service that is not there is not applied")
	}
}

// TestQuantitiesAreCompared by value: the API server may write them otherwise.
func TestQuantitiesAreCompared(t *testing.T) {
	in := input(datastore().Limit("cpu", "1").Limit("memory", "1Gi").Obj())
	existing := storedSet(t, in)
	limits := existing.Spec.Template.Spec.Containers[0].Resources.Limits
	limits["cpu"], limits["memory"] = apiresource.MustParse("1000m"), apiresource.MustParse("1024Mi")
	if _, yes, why := needs(t, in, existing, true); yes {
		t.Errorf("equal quantities are applied: %s", why)
	}
	limits["cpu"] = apiresource.MustParse("999m")
	if _, yes, _ := needs(t, in, existing, true); !yes {
		t.Error("another quantity goes unnoticed")
	}
}

// TestItemsOfOthersStay: a container that an admission webhook adds is not ours,
// while an argument more in a list that is one value is a change.
func TestItemsOfOthersStay(t *testing.T) {
	in := input(datastore().Obj())
	existing := storedSet(t, in)
	spec := &existing.Spec.Template.Spec
	spec.Containers = append([]corev1.Container{{Name: "mesh"}}, spec.Containers...)
	if _, yes, why := needs(t, in, existing, false); yes {
		t.Errorf("a container of somebody else is fought: %s", why)
	}
	server := &spec.Containers[1]
	server.Args = append(server.Args, "-verbose")
	if _, yes, _ := needs(t, in, existing, false); !yes {
		t.Error("an argument of somebody else goes unnoticed")
	}
}

// TestThereAndBack has a label added and taken out again, which the stored
// object alone does not show, and applies with the real rules of ownership.
func TestThereAndBack(t *testing.T) {
	ctx := context.Background()
	c := fake.NewClientBuilder().WithScheme(scheme.Scheme).WithReturnManagedFields().Build()
	apply := func(desired *corev1.Service) (*corev1.Service, bool) {
		t.Helper()
		var existing corev1.Service
		err := c.Get(ctx, client.ObjectKeyFromObject(desired), &existing)
		if client.IgnoreNotFound(err) != nil {
			t.Fatal(err)
		}
		var have client.Object
		if err == nil {
			have = &existing
		}
		yes, _ := NeedsApply(desired, have)
		if !yes {
			return &existing, false
		}
		sealed, err := Seal(desired)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Apply(ctx, client.ApplyConfigurationFromUnstructured(sealed), client.FieldOwner(FieldOwner), client.ForceOwnership); err != nil {
			t.Fatal(err)
		}
		if err := c.Get(ctx, client.ObjectKeyFromObject(desired), &existing); err != nil {
			t.Fatal(err)
		}
		return &existing, true
	}
	plain := New(input(datastore().Obj())).ClientService()
	marked := plain.DeepCopy()
	marked.Labels["b"] = "b"

	for i, step := range []struct {
		desired *corev1.Service
		label   string
	}{{plain, ""}, {marked, "b"}, {plain, ""}} {
		got, sent := apply(step.desired)
		if !sent || got.Labels["b"] != step.label {
			t.Fatalf("step %d: sent %t, label %q; want it sent with label %q", i, sent, got.Labels["b"], step.label)
		}
		if _, sent := apply(step.desired); sent {
			t.Fatalf("step %d: it is sent again", i)
		}
	}
}
