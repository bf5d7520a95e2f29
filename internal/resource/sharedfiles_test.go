// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"pgregory.net/rapid"
)

// filed returns an input whose engine renders these files.
func filed(files, reloadable map[string]string) Input {
	in := input(datastore().Obj())
	in.Engine = webEngine{fakeEngine{stable: true, files: files, reloadable: reloadable}}
	return in
}

// brought brings both children to what is wanted, as a pass does.
func brought(t *testing.T, b Builder, have Observed, write bool) Observed {
	t.Helper()
	config := stored(t, b.Config(have, write))
	set := stored(t, b.StatefulSets(have.StatefulSet, write)[0])
	serverFills(set)
	return Observed{StatefulSet: set, Config: config}
}

func filesIn(config *corev1.ConfigMap) map[string]string {
	out := map[string]string{}
	for key, text := range config.Data {
		if name := key[min(len(FilePrefix), len(key)):]; key == FilePrefix+name {
			out[name] = text
		}
	}
	return out
}

func TestReloadableFilesAreAlwaysCurrent(t *testing.T) {
	one := filed(map[string]string{"a": "1"}, map[string]string{"r": "1", "s": "1"})
	plain := filed(map[string]string{"a": "1"}, nil)
	if New(one).TemplateHash() != New(plain).TemplateHash() {
		t.Error("a reloadable file changes the hash of the template")
	}
	have := brought(t, New(one), Observed{}, true)
	if diff := cmp.Diff(brought(t, New(plain), Observed{}, true).StatefulSet.Spec, have.StatefulSet.Spec); diff != "" {
		t.Errorf("a reloadable file changes the StatefulSet:\n%s", diff)
	}

	two := filed(map[string]string{"a": "2"}, map[string]string{"r": "2", "t": "2"})
	want := map[string]string{"a": "1", "r": "2", "t": "2"}
	next := brought(t, New(two), have, false)
	if diff := cmp.Diff(want, filesIn(next.Config)); diff != "" {
		t.Errorf("files while the template waits (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"r": "2", "t": "2"}, New(two).Reloadable(next)); diff != "" {
		t.Errorf("reloadable files (-want +got):\n%s", diff)
	}
	if yes, why := NeedsApply(New(two).Config(next, false), next.Config); yes {
		t.Errorf("it is applied again: %s", why)
	}
	if yes, why := NeedsApply(New(two).StatefulSets(next.StatefulSet, false)[0], have.StatefulSet); yes {
		t.Errorf("a reloadable file has the StatefulSet applied: %s", why)
	}
}

// TestFileThatBecameReloadable: the template in force was written by an
// operator that had all in one file. What its pods are made from stays whole.
func TestFileThatBecameReloadable(t *testing.T) {
	old := filed(map[string]string{"a": "all"}, nil)
	have := brought(t, New(old), Observed{}, true)
	b := New(filed(map[string]string{"b": "rest"}, map[string]string{"a": "some"}))

	next := brought(t, b, have, false)
	if diff := cmp.Diff(map[string]string{"a": "all"}, filesIn(next.Config)); diff != "" {
		t.Errorf("files while the template waits (-want +got):\n%s", diff)
	}
	if got := b.Reloadable(next); len(got) != 0 {
		t.Errorf("servers are given %v beside the files that they have", got)
	}
	if yes, why := NeedsApply(b.Config(next, false), next.Config); yes {
		t.Errorf("it is applied again: %s", why)
	}

	last := brought(t, b, next, true)
	if diff := cmp.Diff(map[string]string{"a": "some", "b": "rest"}, filesIn(last.Config)); diff != "" {
		t.Errorf("files with the new template (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"a": "some"}, b.Reloadable(last)); diff != "" {
		t.Errorf("reloadable files with the new template (-want +got):\n%s", diff)
	}

	// And back to the operator that has all in one file.
	again := brought(t, New(old), last, false)
	if diff := cmp.Diff(map[string]string{"b": "rest"}, filesIn(again.Config)); diff != "" {
		t.Errorf("files of the newer template under the older operator (-want +got):\n%s", diff)
	}
}

func TestPutBack(t *testing.T) {
	first, second := filed(map[string]string{"a": "1"}, nil), filed(map[string]string{"a": "2"}, nil)
	have := brought(t, New(first), Observed{}, true)
	if LastGood(have.StatefulSet) != nil || FailedTemplate(have.StatefulSet) != "" {
		t.Fatal("a set that was just made has a past")
	}
	if _, ok := New(second).PutBack(have, LastGood(have.StatefulSet)); ok {
		t.Error("it is put back to nothing")
	}
	second.Proven = true
	bad := brought(t, New(second), have, true)
	second.Proven = false
	b, ok := New(second).PutBack(bad, LastGood(bad.StatefulSet))
	if !ok {
		t.Fatal("it cannot be put back")
	}

	for _, write := range []bool{false, true} {
		back := brought(t, b, bad, write)
		if got, want := TemplateOf(&back.StatefulSet.Spec.Template), New(first).TemplateHash(); got != want {
			t.Errorf("template is %s, want %s", got, want)
		}
		if diff := cmp.Diff(map[string]string{"a": "1"}, filesIn(back.Config)); diff != "" {
			t.Errorf("files (-want +got):\n%s", diff)
		}
		if got, want := FailedTemplate(back.StatefulSet), New(second).TemplateHash(); got != want {
			t.Errorf("failed template is %s, want %s", got, want)
		}
	}

	back := brought(t, New(second), brought(t, b, bad, false), false)
	if TemplateOf(&back.StatefulSet.Spec.Template) != New(first).TemplateHash() || FailedTemplate(back.StatefulSet) != New(second).TemplateHash() {
		t.Error("what was put back does not stay, or is not remembered")
	}
	if got := FailedTemplate(brought(t, New(first), back, false).StatefulSet); got != "" {
		t.Errorf("%s counts as failed after the user has taken it back", got)
	}
	third := New(filed(map[string]string{"a": "3"}, nil))
	if got := brought(t, third, back, true).StatefulSet; FailedTemplate(got) != "" || TemplateOf(LastGood(got)) != New(first).TemplateHash() {
		t.Error("another template does not take the failed one's place with the last good one kept")
	}

	bad.Config.Data[keptPrefix+hashOf(map[string]string{"a": "1"})] = `{"a":"evil"}`
	if _, ok := New(second).PutBack(bad, LastGood(bad.StatefulSet)); ok {
		t.Error("it is put back with files that somebody else changed")
	}
}

// TestFilesFollowTheTemplate has specifications change, templates written and
// put back, and passes end between the two writes, in any order.
func TestFilesFollowTheTemplate(t *testing.T) {
	var restored, cut int
	rapid.Check(t, func(r *rapid.T) {
		var have Observed
		for range rapid.IntRange(1, 12).Draw(r, "passes") {
			n := rapid.IntRange(0, 4).Draw(r, "specification")
			in := filed(map[string]string{"a": fmt.Sprint(n / 2)}, map[string]string{"r": fmt.Sprint(n)})
			in.ServerImage = fmt.Sprintf("example/fake:%d", n)
			in.Proven = rapid.Bool().Draw(r, "proven")
			b, write := New(in), rapid.Bool().Draw(r, "write")
			if have.StatefulSet != nil && rapid.Bool().Draw(r, "put back") {
				good := LastGood(have.StatefulSet)
				back, ok := b.PutBack(have, good)
				if ok != (good != nil) {
					r.Fatalf("there is a good template: %t; it can be put back: %t", good != nil, ok)
				}
				b = back
				restored++
			}
			set := b.StatefulSets(have.StatefulSet, write)[0]
			have.Config = stored(t, b.Config(have, write))
			if rapid.Bool().Draw(r, "cut short") && have.StatefulSet != nil {
				cut++
				have.Config = stored(t, New(in).Config(have, false))
			} else {
				have.StatefulSet = stored(t, set)
				serverFills(have.StatefulSet)
			}
			checkFiles(r, have, n)
		}
	})
	if restored == 0 || cut == 0 {
		t.Errorf("%d were put back and %d cut short", restored, cut)
	}
}

func checkFiles(r *rapid.T, have Observed, n int) {
	files := filesIn(have.Config)
	if files["r"] != fmt.Sprint(n) {
		r.Fatalf("the reloadable file is %q, want %d", files["r"], n)
	}
	delete(files, "r")
	if hash := have.StatefulSet.Spec.Template.Annotations[ConfigAnnotation]; hash != hashOf(files) {
		r.Fatalf("the template wants files %s, and there are %v", hash, files)
	}
	if len(have.Config.Data) > 5 {
		r.Fatalf("files pile up: %v", have.Config.Data)
	}
}
