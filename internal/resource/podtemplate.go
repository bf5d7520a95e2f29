// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// podTemplate renders the pods of the members. They meet the Pod Security
// Standard "restricted" and have no Kubernetes credentials.
//
// Labels and annotations of the user come first, so that they cannot replace
// the operator's.
func (b Builder) podTemplate() corev1.PodTemplateSpec {
	user := b.d.Spec.Pod
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{
			Labels: merged(user.Labels, commonLabels(b.d, ComponentServer)),
			Annotations: merged(merged(map[string]string{"kubectl.kubernetes.io/default-container": ServerContainer}, user.Annotations), map[string]string{
				TemplateAnnotation: b.TemplateHash(),
				ConfigAnnotation:   hashOf(b.template.Files),
			}),
		},
		Spec: corev1.PodSpec{
			InitContainers:                []corev1.Container{b.initContainer(), b.agentContainer()},
			Containers:                    []corev1.Container{b.serverContainer()},
			Volumes:                       b.volumes(),
			AutomountServiceAccountToken:  ptr.To(false),
			EnableServiceLinks:            ptr.To(false),
			SecurityContext:               b.podSecurity(),
			TerminationGracePeriodSeconds: ptr.To(b.template.GraceSeconds),
			NodeSelector:                  user.NodeSelector,
			Tolerations:                   user.Tolerations,
			Affinity:                      b.affinity(),
			TopologySpreadConstraints:     b.spread(),
			PriorityClassName:             user.PriorityClassName,
			ImagePullSecrets:              user.ImagePullSecrets,
		},
	}
}

func (b Builder) podSecurity() *corev1.PodSecurityContext {
	return &corev1.PodSecurityContext{
		RunAsNonRoot: ptr.To(true),
		RunAsUser:    ptr.To(b.traits.User),
		RunAsGroup:   ptr.To(b.traits.Group),
		FSGroup:      ptr.To(b.traits.Group),
		// A large volume is not walked through at every start.
		FSGroupChangePolicy: ptr.To(corev1.FSGroupChangeOnRootMismatch),
		SeccompProfile:      &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
	}
}

// affinity is the user's. Where that has no podAntiAffinity, not even an empty
// one, members are kept on different nodes as far as there are any.
func (b Builder) affinity() *corev1.Affinity {
	out := b.d.Spec.Pod.Affinity.DeepCopy()
	if out == nil {
		out = &corev1.Affinity{}
	}
	if out.PodAntiAffinity != nil {
		return out
	}
	out.PodAntiAffinity = &corev1.PodAntiAffinity{
		PreferredDuringSchedulingIgnoredDuringExecution: []corev1.WeightedPodAffinityTerm{{
			Weight: 100,
			PodAffinityTerm: corev1.PodAffinityTerm{
				LabelSelector: &metav1.LabelSelector{MatchLabels: SelectorLabels(b.d.Name)},
				TopologyKey:   corev1.LabelHostname,
			},
		}},
	}
	return out
}

// spread is the user's. A constraint that selects no pods has no effect, so one
// without a selector is about the members.
func (b Builder) spread() []corev1.TopologySpreadConstraint {
	var out []corev1.TopologySpreadConstraint
	for _, c := range b.d.Spec.Pod.TopologySpreadConstraints {
		c = *c.DeepCopy()
		if c.LabelSelector == nil {
			c.LabelSelector = &metav1.LabelSelector{MatchLabels: SelectorLabels(b.d.Name)}
		}
		out = append(out, c)
	}
	return out
}
