// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package adoption

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/utils/ptr"
)

// volume looks whether ours have a volume that was made by hand: one of the same name,
// and with the same in it.
func (f Found) volume(v corev1.Volume) []string {
	i := slices.IndexFunc(f.Template.Spec.Volumes, func(o corev1.Volume) bool { return o.Name == v.Name })
	switch {
	case i >= 0 && equality.Semantic.DeepEqual(defaulted(v.VolumeSource), defaulted(f.Template.Spec.Volumes[i].VolumeSource)):
		return nil
	case v.EmptyDir == nil && v.ConfigMap == nil && v.DownwardAPI == nil:
		return []string{fmt.Sprintf("its pods have the volume %s, which is of a kind that ours cannot have: do without it", v.Name)}
	case i >= 0:
		return []string{fmt.Sprintf("its pods have the volume %s, and ours have another one of that name: have spec.pod.volumes say the same, or do without it", v.Name)}
	}
	return []string{fmt.Sprintf("its pods have the volume %s: add it to spec.pod.volumes, or do without it", v.Name)}
}

// defaulted has what the API server writes into a source that does not say it.
func defaulted(s corev1.VolumeSource) corev1.VolumeSource {
	out := *s.DeepCopy()
	if c := out.ConfigMap; c != nil && c.DefaultMode == nil {
		c.DefaultMode = ptr.To(corev1.ConfigMapVolumeSourceDefaultMode)
	}
	if d := out.DownwardAPI; d != nil {
		if d.DefaultMode == nil {
			d.DefaultMode = ptr.To(corev1.DownwardAPIVolumeSourceDefaultMode)
		}
		for _, item := range d.Items {
			if item.FieldRef != nil && item.FieldRef.APIVersion == "" {
				item.FieldRef.APIVersion = "v1"
			}
		}
	}
	return out
}
