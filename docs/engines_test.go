// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/cassandra"
	"github.com/quorate/quorate/internal/engine/consul"
	"github.com/quorate/quorate/internal/engine/mongodb"
)

const enginesPage = "docs/adding-an-engine.md"

// TestTraitsAreDescribed compares the table of traits with those of the engines: there
// is a line for each, and what it says of numbers and of yes and no is so.
func TestTraitsAreDescribed(t *testing.T) {
	engines := []engine.Traits{consul.Engine{}.Traits(), mongodb.Engine{}.Traits(), cassandra.Engine{}.Traits()}
	lines := map[string][]string{}
	for line := range strings.Lines(part(t, read(t, enginesPage), "2. Traits")) {
		if cells := strings.Split(line, "|"); len(cells) > 5 {
			lines[strings.TrimSpace(cells[1])] = cells[2:5]
		}
	}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[engine.Traits]()) {
		cells, found := lines[field.Name]
		if !found {
			t.Errorf("%s: the trait %s has no line", enginesPage, field.Name)
			continue
		}
		switch field.Type.Kind() {
		case reflect.Bool, reflect.Int32, reflect.Int64:
			for i, e := range engines {
				want := fmt.Sprint(reflect.ValueOf(e).FieldByIndex(field.Index))
				if got := strings.TrimSpace(cells[i]); got != want {
					t.Errorf("%s: %s of engine %d is %s, and not %s", enginesPage, field.Name, i+1, want, got)
				}
			}
		}
	}
}

// TestTheContractIsDescribed has every interface of the contract, and what the three
// that each engine implements ask for, be named.
func TestTheContractIsDescribed(t *testing.T) {
	page := read(t, enginesPage)
	interfaces := contract(t)
	for _, name := range []string{"Engine", "Local", "Renderer", "Connector", "LocalRecoverer"} {
		if interfaces[name] == nil {
			t.Fatalf("the contract has no %s", name)
		}
	}
	for name, methods := range interfaces {
		names := []string{name}
		if slices.Contains([]string{"Engine", "Local", "Renderer"}, name) {
			names = append(names, methods...)
		}
		for _, n := range names {
			if !strings.Contains(page, "`"+n+"`") && !strings.Contains(page, "`engine."+n+"`") {
				t.Errorf("%s: %s of %s is not named", enginesPage, n, name)
			}
		}
	}
}

// contract returns the interfaces of package engine with their methods.
func contract(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "internal", "engine", "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("find the contract: %v", err)
	}
	out := map[string][]string{}
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if it, ok := spec.Type.(*ast.InterfaceType); ok && spec.Name.IsExported() {
				for _, m := range it.Methods.List {
					for _, name := range m.Names {
						out[spec.Name.Name] = append(out[spec.Name.Name], name.Name)
					}
				}
			}
			return false
		})
	}
	return out
}

// part returns what is under a heading.
func part(t *testing.T, page, heading string) string {
	t.Helper()
	_, rest, found := strings.Cut(page, "\n## "+heading+"\n")
	if !found {
		t.Fatalf("there is no part %q", heading)
	}
	text, _, _ := strings.Cut(rest, "\n## ")
	return text
}
