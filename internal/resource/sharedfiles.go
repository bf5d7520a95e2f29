// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// keptPrefix begins the keys, each with the hash of them, of shared files that
// belong to a template which pods may have to be made from again. Init does not
// read them.
const keptPrefix = "kept."

// Reloadable returns the files, by name, that a running server is to have with
// the step Reload: those that the specification asks for now.
//
// Left out are names that are shared files of the template as last written: an
// older operator had them there, and a server made from that template would
// lose what has moved to other files since. They come with the next template.
// So only members whose pods bear the hash of the StatefulSet's template are to
// be asked.
func (b Builder) Reloadable(have Observed) map[string]string {
	return without(b.template.Reloadable, b.files(have, false))
}

// files returns the shared files of the template that is to be written, or that
// stays. They are looked up by the hash that the template bears. Where they are
// nowhere to be found, since somebody changed the ConfigMap, they are rendered.
func (b Builder) files(have Observed, writeTemplate bool) map[string]string {
	if have.StatefulSet == nil || writeTemplate && b.given == nil {
		return b.template.Files
	}
	template := b.given
	if template == nil {
		last := lastWritten(have.StatefulSet)
		template = &last.Template
	}
	if files, ok := b.filesOf(have.Config, template); ok {
		return files
	}
	return b.template.Files
}

// filesOf finds the shared files that a template was rendered with.
func (b Builder) filesOf(config *corev1.ConfigMap, template *corev1.PodTemplateSpec) (map[string]string, bool) {
	hash := template.Annotations[ConfigAnnotation]
	if hash == hashOf(b.template.Files) {
		return b.template.Files, true
	}
	files, ok := knownFiles(config)[hash]
	return files, ok
}

// kept returns the keys of the files that are not those given, and that belong
// to a template of the record: the one that is still there, until another has
// been written in its place, and the last good one.
func kept(have Observed, current map[string]string) map[string]string {
	if have.StatefulSet == nil {
		return nil
	}
	w := lastWritten(have.StatefulSet)
	templates := []*corev1.PodTemplateSpec{&w.Template}
	if w.Good != nil {
		templates = append(templates, w.Good)
	}
	known, out := knownFiles(have.Config), map[string]string{}
	for _, t := range templates {
		hash := t.Annotations[ConfigAnnotation]
		if files, ok := known[hash]; ok && hash != hashOf(current) {
			out[keptPrefix+hash] = textOf(files)
		}
	}
	return out
}

// knownFiles returns all shared files that a ConfigMap holds, by their hash:
// those for new pods, and those kept. What does not have the hash that it is
// kept under was changed by somebody else and is left out.
func knownFiles(config *corev1.ConfigMap) map[string]map[string]string {
	out := map[string]map[string]string{}
	if config == nil {
		return out
	}
	reloadable := strings.Split(config.Annotations[ReloadableAnnotation], ",")
	var current map[string]string
	for key, text := range config.Data {
		if hash, ok := strings.CutPrefix(key, keptPrefix); ok {
			var files map[string]string
			if json.Unmarshal([]byte(text), &files) == nil && hashOf(files) == hash {
				out[hash] = files
			}
		}
		if name, ok := strings.CutPrefix(key, FilePrefix); ok && !slices.Contains(reloadable, name) {
			if current == nil {
				current = map[string]string{}
			}
			current[name] = text
		}
	}
	out[hashOf(current)] = current
	return out
}

// without returns the files whose names are not among others.
func without(files, others map[string]string) map[string]string {
	out := maps.Clone(files)
	maps.DeleteFunc(out, func(name, _ string) bool {
		_, ok := others[name]
		return ok
	})
	return out
}

// textOf writes strings by name in the order of the names.
func textOf(values map[string]string) string {
	text, err := json.Marshal(values)
	if err != nil {
		panic(fmt.Sprintf("a map of strings cannot be encoded: %v", err))
	}
	return string(text)
}

// PutBack returns a Builder whose children have the given template, usually
// LastGood, with the shared files that belong to it, whatever the specification
// says and writeTemplate is. It is false, and nothing is to be put back, where
// there is no template, or where its files are not to be found any more: pods
// made from it would get those of another one.
//
// The template that is replaced so is remembered, see FailedTemplate.
func (b Builder) PutBack(have Observed, template *corev1.PodTemplateSpec) (Builder, bool) {
	if template == nil || have.StatefulSet == nil {
		return b, false
	}
	if _, ok := b.filesOf(have.Config, template); !ok {
		return b, false
	}
	b.given = template.DeepCopy()
	return b, true
}

// LastGood returns the template that was written when every member had the one
// before, as Input.Proven said; nil where no template was ever proven.
func LastGood(set *appsv1.StatefulSet) *corev1.PodTemplateSpec {
	return lastWritten(set).Good.DeepCopy()
}

// FailedTemplate returns the hash of the template in whose place the last good
// one was put back; empty where there is none. It is forgotten once another
// template is written, or the specification asks again for the one that is
// there, so that the user can try the same a second time.
func FailedTemplate(set *appsv1.StatefulSet) string {
	return lastWritten(set).Failed
}
