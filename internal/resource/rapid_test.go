// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
)

// anyInput draws a Datastore of any shape that the schema admits.
func anyInput(t *rapid.T) Input {
	word := rapid.StringMatching(`[a-z][a-z0-9]{0,8}`)
	words := rapid.MapOfN(word, word, 0, 3)
	amount := rapid.SampledFrom([]string{"1", "1000m", "0.5", "500m", "1Gi", "1073741824", "1e3", "0", "100n"})
	d := datastore().StorageSize(rapid.SampledFrom([]string{"1Gi", "1024Mi", "5e9"}).Draw(t, "size"))
	if rapid.Bool().Draw(t, "limited") {
		d.Limit("cpu", amount.Draw(t, "cpu")).Request("memory", amount.Draw(t, "memory"))
	}
	if rapid.Bool().Draw(t, "configured") {
		d.Config(`{"` + word.Draw(t, "setting") + `":1}`)
	}
	if rapid.Bool().Draw(t, "published") {
		d.UIIngress(v1alpha1.Ingress{Host: "h.example.com", Annotations: words.Draw(t, "ingress")})
	}
	d.Pod(func(p *v1alpha1.PodSpec) {
		if rapid.Bool().Draw(t, "full") {
			fullPod(p)
		}
		p.Labels, p.Annotations, p.NodeSelector = words.Draw(t, "labels"), words.Draw(t, "annotations"), words.Draw(t, "nodes")
		for name, value := range words.Draw(t, "env") {
			p.Env = append(p.Env, v1alpha1.EnvVar{Name: name, Value: value})
		}
		slices.SortFunc(p.Env, func(a, b v1alpha1.EnvVar) int { return strings.Compare(a.Name, b.Name) })
	})
	in := input(d.Obj())
	in.Replicas = rapid.Int32Range(1, 9).Draw(t, "replicas")
	if rapid.Bool().Draw(t, "by name") {
		in.Engine = fakeEngine{}
	}
	return in
}

func children(in Input, have Observed, write bool) []client.Object {
	b := New(in)
	return append(b.Children(have, write), b.Connection(map[string][]byte{"token": []byte("t")}))
}

// TestAtRestNothingIsSent: what was applied and read back is not applied again
// (law 8), whether or not the template may be written.
func TestAtRestNothingIsSent(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		in := anyInput(rt)
		have := Observed{StatefulSet: storedSet(t, in), Config: stored(t, New(in).Config(Observed{}, true))}
		for _, write := range []bool{true, false} {
			before, after := children(in, Observed{}, true), children(in, have, write)
			if len(before) != len(after) {
				rt.Fatalf("there are %d children, then %d", len(before), len(after))
			}
			for i := range after {
				existing := stored(t, before[i])
				if yes, why := NeedsApply(after[i], existing); yes {
					rt.Fatalf("%s %s is applied again: %s", kindOf(after[i]), after[i].GetName(), why)
				}
			}
		}
	})
}

// TestEveryChangeIsSeen: whichever value of ours somebody else changes, it is
// applied again.
func TestEveryChangeIsSeen(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		in := anyInput(rt)
		desired := rapid.SampledFrom(children(in, Observed{}, true)).Draw(rt, "child")
		sealed, err := Seal(desired)
		if err != nil {
			rt.Fatal(err)
		}
		existing := sealed.DeepCopy()
		delete(existing.Object, "apiVersion")
		delete(existing.Object, "kind")
		where := rapid.SampledFrom(leaves("", existing.Object)).Draw(rt, "leaf")
		change(existing.Object, where, rapid.Bool().Draw(rt, "remove"))
		existing.SetGroupVersionKind(sealed.GroupVersionKind())
		if yes, _ := NeedsApply(desired, existing); !yes {
			rt.Fatalf("a change of %s goes unnoticed", where)
		}
	})
}

// leaves returns the paths of all scalars in a tree, in a fixed order. Names
// and namespaces tell objects apart and cannot be changed.
func leaves(path string, tree any) []string {
	var out []string
	switch v := tree.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if at := path + " > " + key; at != " > metadata > name" && at != " > metadata > namespace" {
				out = append(out, leaves(at, v[key])...)
			}
		}
	case []any:
		for i, item := range v {
			out = append(out, leaves(path+" > "+strconv.Itoa(i), item)...)
		}
	default:
		out = append(out, path)
	}
	return out
}

// change sets the scalar at a path to another value, or removes it from its
// object; in a list it is always set.
func change(root map[string]any, path string, remove bool) {
	steps := strings.Split(path, " > ")[1:]
	var at any = root
	for _, step := range steps[:len(steps)-1] {
		at = descend(at, step)
	}
	last := steps[len(steps)-1]
	switch parent := at.(type) {
	case map[string]any:
		parent[last] = other(parent[last])
		if remove {
			delete(parent, last)
		}
	case []any:
		i, _ := strconv.Atoi(last)
		parent[i] = other(parent[i])
	}
}

func descend(tree any, step string) any {
	if m, ok := tree.(map[string]any); ok {
		return m[step]
	}
	i, _ := strconv.Atoi(step)
	return tree.([]any)[i]
}

func other(value any) any {
	switch v := value.(type) {
	case bool:
		return !v
	case int64:
		return v + 1
	default:
		return fmt.Sprint(v, "x")
	}
}
