// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	"github.com/quorate/quorate/internal/resource"
)

// Secrets are not in the cache, and of all else only what bears our label
// (law 11).
func TestCacheOptions(t *testing.T) {
	options := CacheOptions()
	for object, by := range options.ByObject {
		if _, secret := object.(*corev1.Secret); secret {
			t.Error("Secrets are cached")
		}
		if by.Label == nil || by.Label.Matches(labels.Set{"app": "x"}) || !by.Label.Matches(labels.Set{resource.DatastoreLabel: "db"}) {
			t.Errorf("%T: selected by %v", object, by.Label)
		}
		if _, isPod := object.(*corev1.Pod); isPod != (by.Transform != nil) {
			t.Errorf("%T: stripped %v", object, by.Transform != nil)
		}
	}
	if len(options.ByObject) != 8 {
		t.Errorf("%d kinds are limited; each kind that is watched must be", len(options.ByObject))
	}
}

// The role that is installed lets nobody list or watch Secrets, run commands in
// pods, or delete a claim (laws 6 and 11).
func TestRoleOfTheManager(t *testing.T) {
	for _, what := range excesses(roleOfTheManager(t)) {
		t.Error(what)
	}
}

// TestARoleThatAllowsMoreIsFound breaks laws 6 and 11 on purpose.
func TestARoleThatAllowsMoreIsFound(t *testing.T) {
	for name, more := range map[string]rbacv1.PolicyRule{
		"lists Secrets":    {APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"list"}},
		"watches Secrets":  {APIGroups: []string{""}, Resources: []string{"configmaps", "secrets"}, Verbs: []string{"watch"}},
		"enters pods":      {APIGroups: []string{""}, Resources: []string{"pods/exec"}, Verbs: []string{"create"}},
		"by the kubelet":   {APIGroups: []string{""}, Resources: []string{"nodes/proxy"}, Verbs: []string{"get"}},
		"by their ports":   {APIGroups: []string{""}, Resources: []string{"pods/proxy"}, Verbs: []string{"get"}},
		"by a Service":     {APIGroups: []string{""}, Resources: []string{"services/proxy"}, Verbs: []string{"create"}},
		"adds a container": {APIGroups: []string{""}, Resources: []string{"pods/ephemeralcontainers"}, Verbs: []string{"patch"}},
		"takes a token":    {APIGroups: []string{""}, Resources: []string{"serviceaccounts/token"}, Verbs: []string{"create"}},
		"empties Secrets":  {APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"deletecollection"}},
		"deletes in bulk":  {APIGroups: []string{""}, Resources: []string{"persistentvolumeclaims"}, Verbs: []string{"deletecollection"}},
		"does everything":  {APIGroups: []string{""}, Resources: []string{"events"}, Verbs: []string{"*"}},
		"on everything":    {APIGroups: []string{""}, Resources: []string{"*"}, Verbs: []string{"get"}},
		"of every group":   {APIGroups: []string{"*"}, Resources: []string{"widgets"}, Verbs: []string{"get"}},
		"takes identities": {APIGroups: []string{""}, Resources: []string{"serviceaccounts"}, Verbs: []string{"impersonate"}},
	} {
		role := roleOfTheManager(t)
		role.Rules = append(role.Rules, more)
		if len(excesses(role)) == 0 {
			t.Errorf("a role that %s was not found", name)
		}
	}
}

func roleOfTheManager(t *testing.T) rbacv1.ClusterRole {
	t.Helper()
	text, err := os.ReadFile("../../config/rbac/role.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var role rbacv1.ClusterRole
	if err := yaml.UnmarshalStrict(text, &role); err != nil {
		t.Fatal(err)
	}
	return role
}

// excesses says in what a role differs from what the manager needs of these.
func excesses(role rbacv1.ClusterRole) (out []string) {
	may := map[string][]string{}
	for _, rule := range role.Rules {
		for _, r := range rule.Resources {
			may[r] = append(may[r], rule.Verbs...)
		}
		if slices.Contains(rule.APIGroups, "*") || slices.Contains(rule.Resources, "*") || slices.Contains(rule.Verbs, "*") {
			out = append(out, fmt.Sprintf("the rule %v holds a wildcard", rule))
		}
	}
	for what, verbs := range map[string][]string{
		"secrets":                {"create", "get", "patch", "update"},
		"persistentvolumeclaims": {"delete", "get", "list", "patch", "watch"},
		"pods":                   {"delete", "get", "list", "patch", "watch"},
		"statefulsets":           {"create", "delete", "get", "list", "patch", "watch"},
		"pods/exec":              nil, "pods/attach": nil, "pods/portforward": nil, "pods/proxy": nil, "pods/ephemeralcontainers": nil,
		"services/proxy": nil, "nodes/proxy": nil, "serviceaccounts": nil, "serviceaccounts/token": nil, "nodes": {"get", "list"}, "persistentvolumes": {"get"},
	} {
		slices.Sort(may[what])
		if diff := cmp.Diff(verbs, may[what]); diff != "" {
			out = append(out, what+": "+diff)
		}
	}
	return out
}

// What the planner needs of a pod survives the stripping, and so does who
// controls it, where it runs and where its agent is.
func TestStripPodKeepsWhatIsNeeded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pod := anyPod(t)
		got, err := stripPod(pod.DeepCopy())
		if err != nil {
			t.Fatal(err)
		}
		stripped := got.(*corev1.Pod)
		if diff := cmp.Diff(observePod(pod), observePod(stripped)); diff != "" {
			t.Fatal(diff)
		}
		for what, differs := range map[string]bool{
			"controller":       !cmp.Equal(metav1.GetControllerOf(pod), metav1.GetControllerOf(stripped)),
			"labels":           !cmp.Equal(pod.Labels, stripped.Labels),
			"name":             nameOf(pod) != nameOf(stripped),
			"resource version": pod.ResourceVersion != stripped.ResourceVersion,
			"node":             pod.Spec.NodeName != stripped.Spec.NodeName,
			"address":          agentAddress(pod) != agentAddress(stripped),
			"phase":            pod.Status.Phase != stripped.Status.Phase,
		} {
			if differs {
				t.Fatalf("the %s is lost", what)
			}
		}
	})
}

func nameOf(p *corev1.Pod) types.NamespacedName {
	return types.NamespacedName{Namespace: p.Namespace, Name: p.Name}
}

func anyPod(t *rapid.T) *corev1.Pod {
	word := rapid.StringMatching(`[a-z]{0,6}`)
	yes := rapid.Bool()
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: word.Draw(t, "name"), Namespace: word.Draw(t, "namespace"), UID: types.UID(word.Draw(t, "uid")),
			ResourceVersion: word.Draw(t, "version"), Labels: map[string]string{resource.DatastoreLabel: word.Draw(t, "label")},
			Annotations:     map[string]string{resource.TemplateAnnotation: word.Draw(t, "template"), "other": word.Draw(t, "annotation")},
			OwnerReferences: []metav1.OwnerReference{{Kind: "StatefulSet", UID: types.UID(word.Draw(t, "owner"))}},
			ManagedFields:   []metav1.ManagedFieldsEntry{{Manager: "kubelet"}},
		},
		Spec:   corev1.PodSpec{NodeName: word.Draw(t, "node"), Containers: []corev1.Container{{Name: "server"}}},
		Status: corev1.PodStatus{PodIP: word.Draw(t, "ip"), Phase: corev1.PodPhase(word.Draw(t, "phase"))},
	}
	if yes.Draw(t, "controlled") {
		p.OwnerReferences[0].Controller = new(true)
	}
	if yes.Draw(t, "without annotations") {
		p.Annotations = nil
	}
	if yes.Draw(t, "terminating") {
		p.DeletionTimestamp = &metav1.Time{}
	}
	for range rapid.IntRange(0, 2).Draw(t, "containers") {
		p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, anyContainer(t))
		p.Status.InitContainerStatuses = append(p.Status.InitContainerStatuses, anyContainer(t))
	}
	for _, kind := range []corev1.PodConditionType{corev1.PodReady, corev1.PodScheduled} {
		p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{
			Type: kind, Status: rapid.SampledFrom([]corev1.ConditionStatus{corev1.ConditionTrue, corev1.ConditionFalse}).Draw(t, "condition"),
			Reason: rapid.SampledFrom([]string{"", corev1.PodReasonUnschedulable}).Draw(t, "reason"), Message: word.Draw(t, "message"),
		})
	}
	return p
}

func anyContainer(t *rapid.T) corev1.ContainerStatus {
	c := container(rapid.SampledFrom([]string{resource.ServerContainer, resource.AgentContainer, "other"}).Draw(t, "container"))
	switch rapid.IntRange(0, 4).Draw(t, "state") {
	case 0:
		running(&c)
	case 1:
		waiting(rapid.SampledFrom([]string{"CrashLoopBackOff", "ImagePullBackOff", "PodInitializing"}).Draw(t, "waits"), "why")(&c)
	case 2:
		c.State.Terminated = &corev1.ContainerStateTerminated{ExitCode: 1}
	case 3:
		waiting("CrashLoopBackOff", "back-off")(&c)
		said("boom")(&c)
	}
	c.RestartCount = rapid.Int32Range(0, 1).Draw(t, "restarts")
	return c
}

// What is not a pod, such as the tombstone of a deleted one, passes as it is.
func TestStripPodLeavesOthersAlone(t *testing.T) {
	in := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "x", Annotations: map[string]string{"a": "b"}}}
	got, err := stripPod(in)
	if err != nil || got != any(in) || in.Annotations["a"] != "b" {
		t.Errorf("%v, %v", got, err)
	}
}
