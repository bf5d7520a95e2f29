// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package adoption

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
)

// pod looks at what the pods have beside the server.
func (f Found) pod() []string {
	var out []string
	spec := f.StatefulSet.Spec.Template.Spec
	for _, c := range spec.InitContainers {
		out = append(out, fmt.Sprintf("its pods have the init container %s, and ours would not: do without it", c.Name))
	}
	if len(spec.Containers) > 1 {
		var names []string
		for _, c := range spec.Containers {
			names = append(names, c.Name)
		}
		out = append(out, fmt.Sprintf("its pods have the containers %q: leave the server's alone in them", names))
	}
	out = append(out, f.hooksOfTemplate()...)
	if spec.HostNetwork {
		out = append(out, "its pods are in the network of their nodes, where the members have other addresses")
	}
	for _, v := range spec.Volumes {
		if !f.reads(v) && !f.ofSecrets(v) {
			out = append(out, f.volume(v)...)
		}
	}
	if s := spec.SecurityContext; s != nil && s.RunAsUser != nil && *s.RunAsUser != f.Engine.Traits().User {
		out = append(out, f.otherUser(*s.RunAsUser))
	}
	return out
}

// Cautions returns what is not in the way and may still go wrong, for the user to look
// at before they agree; none where nothing is.
func (f Found) Cautions() []string {
	out := f.asRoot()
	if c, ok := f.Engine.(engine.CautiousAdopter); ok {
		out = append(out, c.Cautions(f.Datastore)...)
	}
	return out
}

// asRoot says where the files may be those of another user than ours. Whether files are root's is not known: only that nothing names a user, and that the
// container's command takes the place of the image's entrypoint, which would have
// started the server as its own user. Our pods ask for the files to be given to their
// group, and whether that is done is up to the storage.
func (f Found) asRoot() []string {
	spec := f.StatefulSet.Spec.Template.Spec
	if len(spec.Containers) != 1 || spec.SecurityContext != nil && spec.SecurityContext.RunAsUser != nil {
		return nil
	}
	c := spec.Containers[0]
	if s := c.SecurityContext; s != nil && s.RunAsUser != nil || len(c.Command) == 0 || strings.HasSuffix(c.Command[0], "entrypoint.sh") {
		return nil
	}
	t := f.Engine.Traits()
	return []string{fmt.Sprintf("its servers may run as root, since no runAsUser is set and %s is started past the image's entrypoint, and ours run as user %d: "+
		"see that the storage heeds fsGroup (%d), or give the files on the volumes to user %d first", c.Command[0], t.User, t.Group, t.User)}
}

func (f Found) otherUser(user int64) string {
	return fmt.Sprintf("its servers run as user %d and ours as %d, who may not read the files on the volumes: change the owner of the files, and runAsUser", user, f.Engine.Traits().User)
}

// container looks at the server's own, and has the engine read how it is started.
func (f Found) container() []string {
	all := f.StatefulSet.Spec.Template.Spec.Containers
	if len(all) != 1 {
		return nil
	}
	c := all[0]
	var out []string
	if c.Image != f.Image {
		out = append(out, fmt.Sprintf("its image is %s, and that of the Datastore %s: an adoption is no upgrade, so set spec.version or spec.image to the one that runs", c.Image, f.Image))
	}
	if s := c.SecurityContext; s != nil && s.RunAsUser != nil && *s.RunAsUser != f.Engine.Traits().User {
		out = append(out, f.otherUser(*s.RunAsUser))
	}
	out = append(out, f.mounts(c)...)
	out = append(out, f.environment(c)...)
	adopter, ok := f.Engine.(engine.Adopter)
	if !ok {
		return append(out, fmt.Sprintf("a set of the engine %s cannot be adopted yet: copy the data into a new Datastore", f.Datastore.Spec.Engine))
	}
	return append(out, f.started(adopter, c)...)
}

func (f Found) mounts(c corev1.Container) []string {
	var out []string
	dir, claim, found := f.Engine.Template(f.Datastore).DataDir, f.Datastore.Spec.Adopt.ClaimTemplate, false
	for _, m := range c.VolumeMounts {
		if m.Name != claim {
			continue
		}
		found = true
		if m.MountPath != dir || m.SubPath != "" || m.SubPathExpr != "" {
			out = append(out, fmt.Sprintf("its claim is mounted at %s%s, and ours would be at %s with the data at its root", m.MountPath, inPath(m), dir))
		}
	}
	if !found {
		out = append(out, fmt.Sprintf("its container does not mount the claim %s", claim))
	}
	return out
}

func inPath(m corev1.VolumeMount) string {
	if m.SubPath+m.SubPathExpr == "" {
		return ""
	}
	return " from the folder " + m.SubPath + m.SubPathExpr
}

// environment finds what the server would lose. What the engine knows of a variable goes
// before what spec.pod.env has.
func (f Found) environment(c corev1.Container) []string {
	var out []string
	knows, _ := f.Engine.(engine.VariableAdopter)
	for _, e := range c.Env {
		if knows != nil {
			if why, known := knows.Variable(f.Datastore, c, e.Name); known {
				if why != "" {
					out = append(out, why)
				}
				continue
			}
		}
		same := slices.ContainsFunc(f.Datastore.Spec.Pod.Env, func(o v1alpha1.EnvVar) bool { return o.Name == e.Name && o.Value == e.Value })
		switch {
		case e.ValueFrom != nil:
			out = append(out, fmt.Sprintf("its environment has %s, whose value comes from elsewhere (%s), which ours cannot have: do without it", e.Name, origin(*e.ValueFrom)))
		case !same:
			out = append(out, fmt.Sprintf("its environment has %s: add it with its value to spec.pod.env, or do without it", e.Name))
		}
	}
	if len(c.EnvFrom) > 0 {
		out = append(out, "its environment is taken from other objects: do without that")
	}
	return out
}

// origin names where a variable has its value from.
func origin(from corev1.EnvVarSource) string {
	switch {
	case from.SecretKeyRef != nil:
		return "Secret " + from.SecretKeyRef.Name
	case from.ConfigMapKeyRef != nil:
		return "ConfigMap " + from.ConfigMapKeyRef.Name
	case from.FieldRef != nil:
		return "its pod's " + from.FieldRef.FieldPath
	}
	return "valueFrom"
}
