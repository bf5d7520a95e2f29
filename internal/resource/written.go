// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"encoding/json"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// written is what the StatefulSet was last written with and keeps until the
// planner lets a template be written again. It is recorded in an annotation:
// the stored object itself also holds what the API server filled in and what
// others changed, and a later operator renders something else.
type written struct {
	Template corev1.PodTemplateSpec         `json:"template"`
	Claims   []corev1.PersistentVolumeClaim `json:"claims"`
	// Good is the last template that was proven; see LastGood.
	Good *corev1.PodTemplateSpec `json:"good,omitempty"`
	// Failed is the hash of a template that did not do; see FailedTemplate.
	Failed string `json:"failed,omitempty"`
}

// text encodes the record; equal records have equal texts.
func (w written) text() string {
	text, err := json.Marshal(w)
	if err != nil {
		panic(fmt.Sprintf("a pod template cannot be encoded: %v", err))
	}
	return string(text)
}

// lastWritten reads the record, or takes the stored object for it where the
// annotation is lost.
func lastWritten(set *appsv1.StatefulSet) written {
	var w written
	err := json.Unmarshal([]byte(set.Annotations[WrittenAnnotation]), &w)
	if err != nil || len(w.Template.Spec.Containers) == 0 || len(w.Claims) == 0 {
		return written{Template: *set.Spec.Template.DeepCopy(), Claims: set.DeepCopy().Spec.VolumeClaimTemplates}
	}
	return w
}

// TemplateOf returns the hash that a pod template was rendered with; empty
// where it was not rendered by a Builder.
func TemplateOf(template *corev1.PodTemplateSpec) string {
	return template.Annotations[TemplateAnnotation]
}
