// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"sigs.k8s.io/yaml"
)

// bulky are properties whose type is Kubernetes' own and whose description, nested many times over, would be half of
// the CustomResourceDefinition. Their own description stays; those below it go. `kubectl explain pod.spec.NAME` has the
// same text.
var bulky = map[string]bool{"affinity": true}

// trimDescriptions removes the descriptions below bulky properties from a CustomResourceDefinition in YAML.
func trimDescriptions(crd []byte) ([]byte, error) {
	var object map[string]any
	if err := yaml.Unmarshal(crd, &object); err != nil {
		return nil, fmt.Errorf("parsing the definition: %w", err)
	}
	trimBulky(object)
	out, err := yaml.Marshal(object)
	if err != nil {
		return nil, fmt.Errorf("writing the definition: %w", err)
	}
	return append([]byte("---\n"), out...), nil
}

// trimBulky looks for bulky properties at any depth.
func trimBulky(node any) {
	eachChild(node, func(_ string, child any) { trimBulky(child) })
	object, _ := node.(map[string]any)
	properties, _ := object["properties"].(map[string]any)
	for name, schema := range properties {
		if bulky[name] {
			eachChild(schema, func(_ string, child any) { dropDescriptions(child) })
		}
	}
}

// dropDescriptions removes the descriptions of a schema and of all below it. A property that is itself called
// "description" is an object and stays.
func dropDescriptions(node any) {
	if object, ok := node.(map[string]any); ok {
		if _, text := object["description"].(string); text {
			delete(object, "description")
		}
	}
	eachChild(node, func(_ string, child any) { dropDescriptions(child) })
}

func eachChild(node any, visit func(name string, child any)) {
	switch typed := node.(type) {
	case map[string]any:
		for name, child := range typed {
			visit(name, child)
		}
	case []any:
		for _, child := range typed {
			visit("", child)
		}
	}
}
