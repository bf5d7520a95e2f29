// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Config is the ConfigMap that init reads: the shared files, and the stable
// addresses as far as they are known. There is nothing secret in it.
//
// A pod reads the files whenever it starts, so they are part of the template
// and wait like it: with writeTemplate false they stay as they are, as long as
// they are what the template was written with. Else somebody changed them, or
// a write was cut short, and they are rendered. The addresses are always the
// current ones.
func (b Builder) Config(have Observed, writeTemplate bool) *corev1.ConfigMap {
	files := b.template.Files
	if kept := filesOf(have.Config); !writeTemplate && have.StatefulSet != nil && len(kept) > 0 &&
		hashOf(kept) == have.StatefulSet.Spec.Template.Annotations[ConfigAnnotation] {
		files = kept
	}
	data := map[string]string{AddressesKey: addressesText(b.in.Addresses)}
	for name, text := range files {
		data[FilePrefix+name] = text
	}
	return stamped(&corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: b.meta(ConfigName(b.d.Name), ComponentConfig),
		Data:       data,
	})
}

// filesOf returns the shared files in a ConfigMap, by file name.
func filesOf(config *corev1.ConfigMap) map[string]string {
	if config == nil {
		return nil
	}
	out := map[string]string{}
	for key, text := range config.Data {
		if name, ok := strings.CutPrefix(key, FilePrefix); ok {
			out[name] = text
		}
	}
	return out
}

// addressesText writes the addresses in the order of the names. Members whose
// Service has no address yet are left out; their init waits.
func addressesText(addresses map[string]string) string {
	known := maps.Clone(addresses)
	maps.DeleteFunc(known, func(_, address string) bool { return address == "" })
	if known == nil {
		known = map[string]string{}
	}
	text, err := json.Marshal(known)
	if err != nil {
		panic(fmt.Sprintf("a map of strings cannot be encoded: %v", err))
	}
	return string(text)
}
