// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func write(t *testing.T, root string, contents map[string]string) {
	t.Helper()
	for path, content := range contents {
		if err := writeFile(filepath.Join(root, path), []byte(content)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCompareNamesEveryFileThatIsNotCurrent(t *testing.T) {
	root := t.TempDir()
	write(t, root, map[string]string{
		crdFolder + "/same.yaml":    "a",
		crdFolder + "/differs.yaml": "a",
		crdFolder + "/left.yaml":    "a",
		roleFolder + "/ours.yaml":   "written by hand",
	})
	wanted := files{
		crdFolder + "/same.yaml":    []byte("a"),
		crdFolder + "/differs.yaml": []byte("b"),
		applyFolder + "/new.go":     []byte("c"),
	}

	changes, err := compare(root, wanted)
	if err != nil {
		t.Fatal(err)
	}
	message := stale(changes).Error()
	for _, want := range []string{
		"  api/applyconfiguration/new.go: missing\n",
		"  config/crd/bases/differs.yaml: differs\n",
		"  config/crd/bases/left.yaml: left over",
		"make generate",
	} {
		if !strings.Contains(message, want) {
			t.Errorf("the message lacks %q:\n%s", want, message)
		}
	}
	if len(changes) != 3 {
		t.Errorf("got %d changes, want 3: %v", len(changes), changes)
	}

	for _, c := range changes {
		if err := c.apply(root); err != nil {
			t.Fatal(err)
		}
	}
	changes, err = compare(root, wanted)
	if err != nil {
		t.Fatal(err)
	}
	if err := stale(changes); err != nil {
		t.Errorf("after applying every change: %v", err)
	}
	if _, err := os.Stat(filepath.Join(root, roleFolder, "ours.yaml")); err != nil {
		t.Errorf("a file that is not generated was touched: %v", err)
	}
}

func TestCopySourcesLeavesOutWhatIsGenerated(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	write(t, from, map[string]string{
		"go.mod": "module m", "go.sum": "", boilerplate: "//",
		"api/v1alpha1/types.go": "package v1alpha1", "api/v1alpha1/types_test.go": "broken",
		deepcopyFile: "broken", applyFolder + "/a/a.go": "broken",
	})
	if err := copySources(from, to); err != nil {
		t.Fatal(err)
	}
	copied, err := read(to, "api")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(files{"api/v1alpha1/types.go": []byte("package v1alpha1")}, copied); diff != "" {
		t.Errorf("copied (-want +got):\n%s", diff)
	}
}

func TestCopyMarkersTakesOnlyMarkers(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	marker := rbacMarker + `groups="",resources=pods,verbs=get` + "\n"
	write(t, from, map[string]string{
		"internal/a/a.go":   "package a\n\nimport \"no/such/package\"\n\n" + marker + "func A() {}\n",
		"internal/a/b.txt":  marker,
		"internal/b/b/b.go": "package b\n",
	})
	if err := copyMarkers(from, to, manager); err != nil {
		t.Fatal(err)
	}
	copied, err := read(to, manager)
	if err != nil {
		t.Fatal(err)
	}
	want := files{"internal/markers.go": []byte("package markers\n\n" + marker)}
	if diff := cmp.Diff(want, copied); diff != "" {
		t.Errorf("copied (-want +got):\n%s", diff)
	}
}

func TestTrimDescriptionsKeepsThoseOutsideBulkyProperties(t *testing.T) {
	trimmed, err := trimDescriptions([]byte(`
schema:
  description: kept
  properties:
    affinity:
      description: kept
      properties:
        term:
          description: dropped
          items:
            description: dropped
            properties:
              description:
                description: dropped
                type: string
    description:
      description: kept
      type: string
`))
	if err != nil {
		t.Fatal(err)
	}
	want := `---
schema:
  description: kept
  properties:
    affinity:
      description: kept
      properties:
        term:
          items:
            properties:
              description:
                type: string
    description:
      description: kept
      type: string
`
	if diff := cmp.Diff(want, string(trimmed)); diff != "" {
		t.Errorf("trimmed (-want +got):\n%s", diff)
	}
}
