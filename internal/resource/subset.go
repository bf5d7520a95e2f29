// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"fmt"
	"reflect"
	"strings"
)

// listKeys are the lists whose items are told apart by these fields instead of
// by their place, as in the API's own schema: others may add items of theirs.
// All other lists are one value. Paths name the fields on the way, without
// places.
var listKeys = map[string][]string{
	"metadata.ownerReferences":                       {"uid"},
	"spec.ports":                                     {"port", "protocol"},
	"spec.template.spec.containers":                  {"name"},
	"spec.template.spec.containers.env":              {"name"},
	"spec.template.spec.containers.ports":            {"containerPort", "protocol"},
	"spec.template.spec.containers.volumeMounts":     {"mountPath"},
	"spec.template.spec.initContainers":              {"name"},
	"spec.template.spec.initContainers.env":          {"name"},
	"spec.template.spec.initContainers.ports":        {"containerPort", "protocol"},
	"spec.template.spec.initContainers.volumeMounts": {"mountPath"},
	"spec.template.spec.imagePullSecrets":            {"name"},
	"spec.template.spec.topologySpreadConstraints":   {"topologyKey", "whenUnsatisfiable"},
	"spec.template.spec.volumes":                     {"name"},
}

// subset tells whether all that is wanted is there, and where it is not. What
// is there besides is of no concern. Quantities are compared by value.
func subset(path string, want, have any) (string, bool) {
	switch w := want.(type) {
	case map[string]any:
		h, ok := have.(map[string]any)
		if !ok {
			return path, false
		}
		return subsetMap(path, w, h)
	case []any:
		h, ok := have.([]any)
		if !ok {
			return path, false
		}
		if keys := listKeys[path]; keys != nil {
			return subsetKeyed(path, keys, w, h)
		}
		return subsetList(path, w, h)
	default:
		return path, reflect.DeepEqual(want, have)
	}
}

func subsetMap(path string, want, have map[string]any) (string, bool) {
	field := path[strings.LastIndexByte(path, '.')+1:]
	for key, w := range want {
		h, there := have[key]
		at := strings.TrimPrefix(path+"."+key, ".")
		if !there {
			return at, false
		}
		if quantityMaps[field] || quantityFields[key] {
			w, h = quantityText(w), quantityText(h)
		}
		if at, ok := subset(at, w, h); !ok {
			return at, false
		}
	}
	return "", true
}

func subsetList(path string, want, have []any) (string, bool) {
	if len(want) != len(have) {
		return path, false
	}
	for i := range want {
		if at, ok := subset(path, want[i], have[i]); !ok {
			return at, false
		}
	}
	return "", true
}

func subsetKeyed(path string, keys []string, want, have []any) (string, bool) {
	byKey := make(map[string]any, len(have))
	for _, h := range have {
		byKey[itemKey(h, keys)] = h
	}
	for _, w := range want {
		h, there := byKey[itemKey(w, keys)]
		if !there {
			return path, false
		}
		if at, ok := subset(path, w, h); !ok {
			return at, false
		}
	}
	return "", true
}

// itemKey returns what tells an item from others in its list.
func itemKey(item any, keys []string) string {
	m, ok := item.(map[string]any)
	if !ok {
		return fmt.Sprint(item)
	}
	var out strings.Builder
	for _, key := range keys {
		fmt.Fprintf(&out, "%v\n", m[key])
	}
	return out.String()
}
