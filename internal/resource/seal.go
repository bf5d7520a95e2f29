// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// serverOwned are fields of metadata that only the API server sets.
var serverOwned = []string{"creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"}

// Seal returns an object in the form that is applied: only what the operator
// wants to own, with the hash of all of it in an annotation. The hash is what
// shows, later, that something was taken out again: server-side apply then
// removes it, and comparing with the stored object alone would not tell.
//
// Status, and what only the API server sets, are left out, also empty structs
// that a Go type cannot leave out.
func Seal(o client.Object) (*unstructured.Unstructured, error) {
	tree, err := treeOf(o)
	if err != nil {
		return nil, err
	}
	delete(tree, "status")
	for _, field := range serverOwned {
		unstructured.RemoveNestedField(tree, "metadata", field)
	}
	unstructured.RemoveNestedField(tree, "metadata", "annotations", AppliedAnnotation)
	u := &unstructured.Unstructured{Object: pruned(tree)}
	notes := merged(u.GetAnnotations(), map[string]string{AppliedAnnotation: hashOf(u.Object)})
	u.SetAnnotations(notes)
	return u, nil
}

// stamped puts the hash of a rendered object into its annotation, so that an
// object which is created as it is bears it too.
func stamped[T client.Object](o T) T {
	u, err := Seal(o)
	if err != nil {
		panic(fmt.Sprintf("a rendered object cannot be encoded: %v", err))
	}
	o.SetAnnotations(u.GetAnnotations())
	return o
}

// treeOf returns a copy of an object as a JSON tree.
func treeOf(o client.Object) (map[string]any, error) {
	tree, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o.DeepCopyObject())
	if err != nil {
		return nil, fmt.Errorf("encode %s %s: %w", kindOf(o), o.GetName(), err)
	}
	return tree, nil
}

// emptyMeansAbsent are fields that Go writes as an empty object where nothing
// was set. Elsewhere an empty object has a meaning: an emptyDir is one.
var emptyMeansAbsent = map[string]bool{"annotations": true, "resources": true, "status": true}

// pruned returns a tree without nulls and without the fields above where they
// are empty.
func pruned(tree map[string]any) map[string]any {
	out := make(map[string]any, len(tree))
	for key, value := range tree {
		value = prunedValue(value)
		m, isMap := value.(map[string]any)
		if value == nil || isMap && len(m) == 0 && emptyMeansAbsent[key] {
			continue
		}
		out[key] = value
	}
	return out
}

func prunedValue(value any) any {
	switch v := value.(type) {
	case map[string]any:
		return pruned(v)
	case []any:
		out := make([]any, 0, len(v))
		for _, item := range v {
			out = append(out, prunedValue(item))
		}
		return out
	default:
		return value
	}
}
