// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package adoption

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
)

// Value takes what an adoption needs out of a Secret of the user's, nil where there is
// none of the name; or says what is in the way. Its owner has to agree, as with any Secret
// that a Datastore names.
func Value(want engine.AdoptedSecret, s *corev1.Secret) (value []byte, problem string) {
	name, key := want.Ref.Name, want.Ref.Key
	switch {
	case s == nil:
		return nil, fmt.Sprintf("Secret %s, which spec.adopt names, does not exist: create it", name)
	case s.Labels[v1alpha1.LabelConsent] != v1alpha1.ConsentGiven:
		return nil, fmt.Sprintf("Secret %s does not bear the label %s=%s, by which its owner lets Datastores use it", name, v1alpha1.LabelConsent, v1alpha1.ConsentGiven)
	case len(s.Data[key]) == 0:
		return nil, fmt.Sprintf("Secret %s has nothing under the key %s: put it there", name, key)
	}
	value, err := want.Read(s.Data[key])
	if err != nil {
		return nil, fmt.Sprintf("Secret %s has under the key %s what cannot be used: %s", name, key, err)
	}
	return value, ""
}

// adoptedSecrets are those that the set has; none where the engine knows of none.
func (f Found) adoptedSecrets() []engine.AdoptedSecret {
	if a, ok := f.Engine.(engine.SecretAdopter); ok {
		return a.AdoptedSecrets(f.Datastore)
	}
	return nil
}

// secrets looks whether each file that the servers read a secret from is the one that
// spec.adopt names: ours are started with that.
func (f Found) secrets() []string {
	out := slices.Clone(f.SecretProblems)
	all := f.StatefulSet.Spec.Template.Spec.Containers
	wanted := f.adoptedSecrets()
	if len(all) != 1 || len(wanted) == 0 {
		return out
	}
	files := f.Engine.(engine.SecretAdopter).SecretFiles(all[0])
	for _, file := range slices.Sorted(maps.Keys(files)) {
		i := slices.IndexFunc(wanted, func(w engine.AdoptedSecret) bool { return w.Key == files[file] })
		if i < 0 {
			continue
		}
		want := wanted[i].Ref
		have, ok := secretAt(f.StatefulSet.Spec.Template.Spec, all[0], file)
		switch {
		case !ok:
			out = append(out, fmt.Sprintf("its servers read %s, which is not in a volume of a Secret, so that what is in it cannot be compared: "+
				"mount the Secret %s there, with its key %s", file, want.Name, want.Key))
		case have.Name != want.Name || have.Key != want.Key:
			out = append(out, fmt.Sprintf("its servers read %s, which is the key %s of Secret %s, and spec.adopt names the key %s of Secret %s: "+
				"delete this Datastore, by which nothing of the set is changed as long as its StatefulSet was not taken over, and create it with the former in spec.adopt, which cannot be changed",
				file, have.Key, have.Name, want.Key, want.Name))
		}
	}
	return out
}

// secretAt returns which key of which Secret a file of a container is; not ok where it is
// none, or is not known to be.
func secretAt(spec corev1.PodSpec, c corev1.Container, file string) (v1alpha1.SecretKeyReference, bool) {
	for _, m := range c.VolumeMounts {
		within, ok := under(m, file)
		if !ok || m.SubPathExpr != "" {
			continue
		}
		i := slices.IndexFunc(spec.Volumes, func(v corev1.Volume) bool { return v.Name == m.Name })
		if i < 0 || spec.Volumes[i].Secret == nil {
			return v1alpha1.SecretKeyReference{}, false
		}
		s := spec.Volumes[i].Secret
		key := within
		if len(s.Items) > 0 {
			item := slices.IndexFunc(s.Items, func(k corev1.KeyToPath) bool { return path.Clean(k.Path) == within })
			if item < 0 {
				return v1alpha1.SecretKeyReference{}, false
			}
			key = s.Items[item].Key
		}
		return v1alpha1.SecretKeyReference{Name: s.SecretName, Key: key}, true
	}
	return v1alpha1.SecretKeyReference{}, false
}

// under returns the path of a file within the volume of a mount.
func under(m corev1.VolumeMount, file string) (string, bool) {
	at, file := path.Clean(m.MountPath), path.Clean(file)
	if file == at && m.SubPath != "" {
		return path.Clean(m.SubPath), true
	}
	rest, ok := strings.CutPrefix(file, at+"/")
	return path.Join(m.SubPath, rest), ok
}

// ofSecrets tells whether a volume is of a Secret that ours have in another way.
func (f Found) ofSecrets(v corev1.Volume) bool {
	return v.Secret != nil && slices.ContainsFunc(f.adoptedSecrets(), func(w engine.AdoptedSecret) bool { return w.Ref.Name == v.Secret.SecretName })
}
