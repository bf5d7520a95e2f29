// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package portrait describes what a Datastore is made of so that two of them
// can be compared: all that was made by chance is replaced by what it stands
// for.
package portrait

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/internal/resource"
	"github.com/quorate/quorate/test/double/kubelet"
)

// history is how often the Datastore changed hands, in which pods members were
// granted, and in place of which set it came, as the ledger has it.
var history = regexp.MustCompile(`\\"epoch\\":\d+,|\\"podUID\\":\\"[^"]*\\",|,\\"predecessor\\":\\"[^"]*\\"`)

// Portrait is every object of a Datastore, by kind and name.
type Portrait map[string]string

// Of draws the objects of one Datastore, without pods, whose names of
// containers and nodes are the kubelet's, and without the Datastore itself.
func Of(ctx context.Context, c client.Client, key client.ObjectKey) (Portrait, error) {
	objects, err := kubelet.Objects(ctx, c, key.Namespace)
	if err != nil {
		return nil, err
	}
	chance := map[string]string{key.Namespace: "NAMESPACE"}
	for _, o := range objects {
		name(chance, o)
	}
	out := Portrait{}
	for _, o := range objects {
		kind := o.GetObjectKind().GroupVersionKind().Kind
		if o.GetLabels()[resource.DatastoreLabel] != key.Name || kind == "Datastore" || kind == "Pod" {
			continue
		}
		text, err := draw(o, chance)
		if err != nil {
			return nil, err
		}
		out[kind+" "+o.GetName()] = text
	}
	return out, nil
}

// Difference tells where two portraits differ, a line each; empty where they do
// not.
func (p Portrait) Difference(o Portrait) []string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(p)) {
		other, there := o[key]
		if !there {
			out = append(out, key+" is only in the first")
			continue
		}
		a, b := strings.Split(p[key], "\n"), strings.Split(other, "\n")
		for _, line := range a {
			if !slices.Contains(b, line) {
				out = append(out, key+": only the first has "+line)
			}
		}
		for _, line := range b {
			if !slices.Contains(a, line) {
				out = append(out, key+": only the second has "+line)
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(o)) {
		if _, there := p[key]; !there {
			out = append(out, key+" is only in the second")
		}
	}
	return out
}

// name notes what is different each time an object is made.
func name(chance map[string]string, o client.Object) {
	kind := o.GetObjectKind().GroupVersionKind().Kind
	chance[string(o.GetUID())] = strings.ToUpper(kind) + "-" + o.GetName()
	if id := o.GetLabels()[resource.ClusterIDLabel]; id != "" {
		chance[id] = "CLUSTER"
	}
	if s, ok := o.(*corev1.Service); ok && s.Spec.ClusterIP != corev1.ClusterIPNone {
		chance[s.Spec.ClusterIP] = "ADDRESS-" + s.Name
	}
}

// forget removes what is remembered of former templates.
func forget(tree map[string]any) {
	unstructured.RemoveNestedField(tree, "metadata", "annotations", resource.EpochAnnotation)
	at := []string{"metadata", "annotations", resource.WrittenAnnotation}
	var record map[string]any
	if text, ok, _ := unstructured.NestedString(tree, at...); ok && json.Unmarshal([]byte(text), &record) == nil {
		delete(record, "good")
		delete(record, "failed")
		if text, err := json.Marshal(record); err == nil {
			_ = unstructured.SetNestedField(tree, string(text), at...)
		}
	}
	if data, ok, _ := unstructured.NestedMap(tree, "data"); ok {
		maps.DeleteFunc(data, func(key string, _ any) bool { return strings.HasPrefix(key, "kept.") })
		_ = unstructured.SetNestedMap(tree, data, "data")
	}
}

// forgetGone leaves of an owner that is gone only that there was one: the
// garbage collector takes it out when it likes.
func forgetGone(tree map[string]any, chance map[string]string) {
	owners, _, _ := unstructured.NestedSlice(tree, "metadata", "ownerReferences")
	for _, o := range owners {
		if ref, ok := o.(map[string]any); ok && chance[fmt.Sprint(ref["uid"])] == "" {
			ref["uid"] = "GONE"
		}
	}
	if owners != nil {
		_ = unstructured.SetNestedSlice(tree, owners, "metadata", "ownerReferences")
	}
}

func draw(o client.Object, chance map[string]string) (string, error) {
	tree, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		return "", fmt.Errorf("encode %s: %w", o.GetName(), err)
	}
	delete(tree, "status")
	for _, field := range []string{"uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"} {
		unstructured.RemoveNestedField(tree, "metadata", field)
	}
	// Where a claim is bound, and by whom, is not the operator's.
	unstructured.RemoveNestedField(tree, "spec", "volumeName")
	for _, key := range []string{"pv.kubernetes.io/bind-completed", "pv.kubernetes.io/bound-by-controller", "volume.kubernetes.io/selected-node"} {
		unstructured.RemoveNestedField(tree, "metadata", "annotations", key)
	}
	// The hashes are over the owner's UID and the identity too.
	unstructured.RemoveNestedField(tree, "metadata", "annotations", resource.AppliedAnnotation)
	forget(tree)
	forgetGone(tree, chance)
	if noNotes(tree) {
		unstructured.RemoveNestedField(tree, "metadata", "annotations")
	}
	if o.GetObjectKind().GroupVersionKind().Kind == "Secret" {
		keys := map[string]any{}
		if data, ok := tree["data"].(map[string]any); ok {
			for k := range data {
				keys[k] = "SECRET"
			}
		}
		tree["data"] = keys
	}
	text, err := json.MarshalIndent(tree, "", " ")
	if err != nil {
		return "", fmt.Errorf("encode %s: %w", o.GetName(), err)
	}
	out := history.ReplaceAllString(string(text), "")
	// The longest first: one address may begin like another.
	longest := func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) }
	for _, from := range slices.SortedFunc(maps.Keys(chance), longest) {
		if from != "" {
			out = strings.ReplaceAll(out, from, chance[from])
		}
	}
	return out, nil
}

func noNotes(tree map[string]any) bool {
	notes, _, _ := unstructured.NestedMap(tree, "metadata", "annotations")
	return len(notes) == 0
}
