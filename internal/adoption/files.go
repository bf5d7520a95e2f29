// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package adoption

import (
	"path"
	"slices"

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

// Take gives a ConfigMap that ConfigMaps names. One with something else than text is not
// understood.
func (f Found) Take(c *corev1.ConfigMap) {
	if len(c.BinaryData) == 0 {
		f.Configs[c.Name] = c.Data
	}
}

// files are those that a container finds in such volumes, and where it has others.
func (f Found) files(c corev1.Container) engine.MountedFiles {
	out := engine.MountedFiles{Read: map[string]string{}}
	for _, m := range c.VolumeMounts {
		texts, known := f.texts(m)
		if !known {
			out.Unread = append(out.Unread, m.MountPath)
		}
		for key, text := range texts {
			if m.SubPath == "" {
				out.Read[path.Join(m.MountPath, key)] = text
			} else {
				out.Read[path.Clean(m.MountPath)] = text
			}
		}
	}
	return out
}

// texts are what a mount shows, by key; not known where it is of a volume that was not
// read, or shows a part of it that is none of its keys.
func (f Found) texts(m corev1.VolumeMount) (texts map[string]string, known bool) {
	all := f.StatefulSet.Spec.Template.Spec.Volumes
	i := slices.IndexFunc(all, func(v corev1.Volume) bool { return v.Name == m.Name })
	if i < 0 || !f.reads(all[i]) || m.SubPathExpr != "" {
		return nil, false
	}
	texts = f.Configs[all[i].ConfigMap.Name]
	if m.SubPath == "" {
		return texts, true
	}
	text, there := texts[m.SubPath]
	if !there {
		return nil, false
	}
	return map[string]string{m.SubPath: text}, true
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
