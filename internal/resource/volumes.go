// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"strconv"

	corev1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"

	"github.com/quorate/quorate/internal/agent/settings"
)

// Names of the volumes that the operator owns; the schema keeps the prefix
// from the user. The claim is "data", see ClaimTemplate.
const (
	configVolume  = "quorate-config"
	runVolume     = "quorate-run"
	memberVolume  = "quorate-member"
	sharedVolume  = "quorate-shared"
	scratchPrefix = "quorate-scratch-"
)

const (
	secretMode = 0o440 // readable through fsGroup
	fileMode   = 0o444
)

// configSize bounds the rendered configuration, which is kept in memory: the
// members' credentials are in it and shall not be written to a node's disk.
var configSize = apiresource.MustParse("8Mi")

// volumes are those of the pod, besides the claim. The one with the program
// must not be mounted noexec, which an emptyDir is not.
func (b Builder) volumes() []corev1.Volume {
	out := []corev1.Volume{
		{Name: configVolume, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{
			Medium: corev1.StorageMediumMemory, SizeLimit: ptr.To(configSize.DeepCopy()),
		}}},
		{Name: runVolume, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
		{Name: memberVolume, VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{
			SecretName: MemberSecretName(b.d.Name), DefaultMode: ptr.To[int32](secretMode),
		}}},
		{Name: sharedVolume, VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: ConfigName(b.d.Name)}, DefaultMode: ptr.To[int32](fileMode),
		}}},
	}
	for i := range b.template.Scratch {
		out = append(out, corev1.Volume{Name: scratchName(i), VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
	}
	for _, v := range b.d.Spec.Pod.Volumes {
		out = append(out, corev1.Volume{Name: v.Name, VolumeSource: corev1.VolumeSource{
			EmptyDir: v.EmptyDir, ConfigMap: v.ConfigMap, DownwardAPI: v.DownwardAPI,
		}})
	}
	return out
}

// ownMounts are those of init and agent.
func (b Builder) ownMounts() []corev1.VolumeMount {
	return []corev1.VolumeMount{
		{Name: ClaimTemplate(b.d), MountPath: b.template.DataDir},
		{Name: configVolume, MountPath: b.template.ConfigDir},
		{Name: runVolume, MountPath: settings.RunDir},
		{Name: memberVolume, MountPath: settings.SecretDir, ReadOnly: true},
		{Name: sharedVolume, MountPath: settings.SharedDir, ReadOnly: true},
	}
}

// serverMounts are those of the server, with the user's. It has no key pair:
// what it needs of the credentials is in its configuration.
func (b Builder) serverMounts() []corev1.VolumeMount {
	out := []corev1.VolumeMount{
		{Name: ClaimTemplate(b.d), MountPath: b.template.DataDir},
		{Name: configVolume, MountPath: b.template.ConfigDir, ReadOnly: true},
		{Name: runVolume, MountPath: settings.RunDir, ReadOnly: true},
	}
	for i, dir := range b.template.Scratch {
		out = append(out, corev1.VolumeMount{Name: scratchName(i), MountPath: dir})
	}
	for _, m := range b.d.Spec.Pod.VolumeMounts {
		out = append(out, corev1.VolumeMount{Name: m.Name, MountPath: m.MountPath, SubPath: m.SubPath, ReadOnly: m.ReadOnly})
	}
	return out
}

func scratchName(i int) string { return scratchPrefix + strconv.Itoa(i) }
