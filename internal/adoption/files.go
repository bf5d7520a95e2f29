// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package adoption

import (
	"path"

	corev1 "k8s.io/api/core/v1"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
)

// ConfigMaps names those that the pods mount and that an engine can read; none before
// the owner of the StatefulSet has agreed, since what is in them is theirs.
func (f Found) ConfigMaps() []string {
	if _, reads := f.Engine.(engine.FileAdopter); !reads || len(f.consent()) > 0 {
		return nil
	}
	var out []string
	for _, v := range f.StatefulSet.Spec.Template.Spec.Volumes {
		if v.ConfigMap != nil {
			out = append(out, v.ConfigMap.Name)
		}
	}
	return out
}

// reads tells whether what is in a volume was read and is given to the engine. One of
// which keys have other names in the volume is not understood.
func (f Found) reads(v corev1.Volume) bool {
	if _, is := f.Engine.(engine.FileAdopter); !is || v.ConfigMap == nil || len(v.ConfigMap.Items) > 0 {
		return false
	}
	_, there := f.Configs[v.ConfigMap.Name]
	return there
}

// files are those that a container finds in such volumes, by path.
func (f Found) files(c corev1.Container) map[string]string {
	out := map[string]string{}
	for _, v := range f.StatefulSet.Spec.Template.Spec.Volumes {
		if !f.reads(v) {
			continue
		}
		for _, m := range c.VolumeMounts {
			for key, text := range f.Configs[v.ConfigMap.Name] {
				switch {
				case m.Name != v.Name:
				case m.SubPath == "":
					out[path.Join(m.MountPath, key)] = text
				case m.SubPath == key:
					out[path.Clean(m.MountPath)] = text
				}
			}
		}
	}
	return out
}

// started has the engine read how the server is started.
func (f Found) started(by engine.Adopter, c corev1.Container) []string {
	if reader, reads := by.(engine.FileAdopter); reads {
		return reader.AdoptableWith(f.Datastore, c, f.files(c))
	}
	return by.Adoptable(f.Datastore, c)
}

// LetsAllIn says where the set is open to whoever reaches it, and stays so: for the user
// to know before they agree.
func (f Found) LetsAllIn() []string {
	if f.Datastore.Spec.Adopt.Authentication != v1alpha1.AuthenticationNone {
		return nil
	}
	return []string{"the set has no authentication and is given none: whoever reaches its servers may read and change all of it, then as now"}
}
