// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/quorate/quorate/api/v1alpha1"
)

// shaping is what a template is a template of: the user's word on the pods and
// what the engine makes of the specification.
type shaping struct {
	Image     string                 `json:"image"`
	Resources v1alpha1.Resources     `json:"resources"`
	Pod       v1alpha1.PodSpec       `json:"pod"`
	Command   []string               `json:"command,omitempty"`
	Args      []string               `json:"args,omitempty"`
	Env       []corev1.EnvVar        `json:"env,omitempty"`
	Ports     []corev1.ContainerPort `json:"ports,omitempty"`
	DataDir   string                 `json:"dataDir"`
	ConfigDir string                 `json:"configDir"`
	Scratch   []string               `json:"scratch,omitempty"`
	Grace     int64                  `json:"grace"`
	Files     string                 `json:"files"`
}

// TemplateHash identifies the template that the specification asks for. It is
// the same for specifications that mean the same, such as a CPU of 1 and of
// 1000m, and another one where a running server would have to be replaced to
// have what is asked for.
//
// In it: the server's image and resources, all of spec.pod, and what the
// engine returns as its template, with the shared files.
//
// Not in it: all that this package adds of its own, such as init and agent and
// their image, probes, security settings and the affinity by default; so a new
// operator has no difference to roll out and waits for the next one of the
// user's. Nor the number of members, the stable addresses, the storage, which
// no template holds, and the identity, which never changes.
//
// An engine whose next version renders other files from the same specification
// does change it, and shows as a change that is pending.
func (b Builder) TemplateHash() string {
	pod := *b.d.Spec.Pod.DeepCopy()
	if pod.Affinity != nil && *pod.Affinity == (corev1.Affinity{}) {
		pod.Affinity = nil
	}
	return hashOf(shaping{
		Image:     b.in.ServerImage,
		Resources: b.d.Spec.Resources,
		Pod:       pod,
		Command:   b.template.Command,
		Args:      b.template.Args,
		Env:       b.template.Env,
		Ports:     b.containerPorts(),
		DataDir:   b.template.DataDir,
		ConfigDir: b.template.ConfigDir,
		Scratch:   b.template.Scratch,
		Grace:     b.template.GraceSeconds,
		Files:     hashOf(b.template.Files),
	})
}

// hashBytes is how much of a SHA-256 is kept: enough that no two differ by
// chance, and short enough for a label.
const hashBytes = 16

// hashOf returns a hash of a value's JSON form that does not depend on the
// order of keys or on how quantities are written.
func hashOf(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("a %T cannot be encoded: %v", value, err))
	}
	var tree any
	if err := json.Unmarshal(text, &tree); err != nil {
		panic(fmt.Sprintf("an encoded %T cannot be decoded: %v", value, err))
	}
	text, err = json.Marshal(canonical(tree, ""))
	if err != nil {
		panic(fmt.Sprintf("a decoded %T cannot be encoded: %v", value, err))
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:hashBytes])
}
