// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Config is the ConfigMap that init reads: the shared files, those that a
// running server can take up, and the stable addresses as far as they are
// known. There is nothing secret in it.
//
// A pod reads the files whenever it starts, so those that need a restart are
// part of the template and wait like it: with writeTemplate false they are the
// ones that the template was written with, wherever they are found. The
// reloadable files, which no template hash covers, and the addresses are always
// the current ones.
//
// The files of a template that may yet be put back are kept beside them. The
// ConfigMap is applied before the StatefulSet; what is kept follows from the
// StatefulSet that is there, so that no crash between the two loses files that
// one of its templates needs.
func (b Builder) Config(have Observed, writeTemplate bool) *corev1.ConfigMap {
	files := b.files(have, writeTemplate)
	reloadable := without(b.template.Reloadable, files)
	data := map[string]string{AddressesKey: addressesText(b.in.Addresses)}
	for _, group := range []map[string]string{files, reloadable} {
		for name, text := range group {
			data[FilePrefix+name] = text
		}
	}
	meta := b.meta(ConfigName(b.d.Name), ComponentConfig)
	if len(reloadable) > 0 {
		names := slices.Sorted(maps.Keys(reloadable))
		meta.Annotations = map[string]string{ReloadableAnnotation: strings.Join(names, ",")}
	}
	return stamped(&corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: meta,
		Data:       merged(data, kept(have, files)),
	})
}

// AddressesOf returns the addresses that a ConfigMap of this package holds, by
// member; nil where it holds none that can be read.
func AddressesOf(config *corev1.ConfigMap) map[string]string {
	var out map[string]string
	if json.Unmarshal([]byte(config.Data[AddressesKey]), &out) != nil {
		return nil
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
	return textOf(known)
}
