// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

// TestPodsAreRestricted asks the admission plugin's own rules, so that the pods
// are admitted where the namespace enforces the strictest level.
func TestPodsAreRestricted(t *testing.T) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	restricted := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	refused := func(template corev1.PodTemplateSpec) string {
		result := policy.AggregateCheckResults(evaluator.EvaluatePod(restricted, &template.ObjectMeta, &template.Spec))
		return result.ForbiddenDetail()
	}
	for name, in := range map[string]Input{"minimal": input(datastore().Obj()), "full": fullInput()} {
		t.Run(name, func(t *testing.T) {
			template := New(in).podTemplate()
			if why := refused(template); why != "" {
				t.Errorf("pods are refused: %s", why)
			}
			containers := append(template.Spec.InitContainers, template.Spec.Containers...)
			if len(containers) != 3 {
				t.Fatalf("pod has %d containers, want 3", len(containers))
			}
			for _, c := range containers {
				if ro := c.SecurityContext.ReadOnlyRootFilesystem; ro == nil || !*ro {
					t.Errorf("container %s may write its root file system", c.Name)
				}
			}
			if token := template.Spec.AutomountServiceAccountToken; token == nil || *token {
				t.Error("pods have a service account token")
			}
			template.Spec.Containers[0].SecurityContext.Capabilities = nil
			if refused(template) == "" {
				t.Error("a pod that keeps its capabilities is admitted: the rules are not asked")
			}
		})
	}
}

// TestOwnContainersFitQuotas: a namespace with a ResourceQuota refuses pods with
// a container that lacks a request or a limit.
func TestOwnContainersFitQuotas(t *testing.T) {
	for _, c := range New(input(datastore().Obj())).podTemplate().Spec.InitContainers {
		for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
			request, limit := c.Resources.Requests[name], c.Resources.Limits[name]
			if request.IsZero() || limit.IsZero() || request.Cmp(limit) > 0 {
				t.Errorf("container %s has request %s and limit %s of %s", c.Name, request.String(), limit.String(), name)
			}
		}
	}
}
