// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/quorate/quorate/internal/plan"
)

const (
	statusPage     = "docs/guide/status.md"
	consulPage     = "docs/guide/consul.md"
	mongodbPage    = "docs/guide/mongodb.md"
	cassandraPage  = "docs/guide/cassandra.md"
	operationsPage = "docs/guide/operations.md"
)

// constant is a string constant with its documentation.
type constant struct {
	value, doc string
}

// constants returns those of a file whose names begin with a prefix, by name.
func constants(t *testing.T, file, prefix string) map[string]constant {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]constant{}
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, prefix) || len(spec.Values) != 1 {
			return true
		}
		if literal, ok := spec.Values[0].(*ast.BasicLit); ok && literal.Kind == token.STRING {
			value, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			out[spec.Names[0].Name] = constant{value, spec.Doc.Text()}
		}
		return true
	})
	return out
}

// rows returns the tables under a heading and its subheadings, by what their
// first cell names as code.
func rows(t *testing.T, page, heading string) map[string][]string {
	t.Helper()
	_, rest, found := strings.Cut(read(t, page), "\n"+heading+"\n")
	if !found {
		t.Fatalf("%s has no heading %q", page, heading)
	}
	level := heading[:strings.Index(heading, " ")+1]
	out := map[string][]string{}
	for line := range strings.Lines(rest) {
		if strings.HasPrefix(line, level) {
			break
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		name := strings.Trim(cells[0], "`")
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		if out[name] != nil {
			t.Errorf("%s describes %s twice", page, name)
		}
		out[name] = cells[1:]
	}
	return out
}

// sameNames compares what is defined with what is described.
func sameNames(t *testing.T, page string, defined, described []string) {
	t.Helper()
	for _, name := range defined {
		if !slices.Contains(described, name) {
			t.Errorf("%s does not describe %s", page, name)
		}
	}
	for _, name := range described {
		if !slices.Contains(defined, name) {
			t.Errorf("%s describes %s, which nothing defines", page, name)
		}
	}
}

func values(m map[string]constant) []string {
	var out []string
	for _, c := range m {
		out = append(out, c.value)
	}
	slices.Sort(out)
	return out
}

func TestConditionsAreDescribed(t *testing.T) {
	described := rows(t, statusPage, "## Conditions")
	sameNames(t, statusPage, values(constants(t, "api/v1alpha1/conditions.go", "Condition")), slices.Sorted(maps.Keys(described)))
}

// notSet marks the reasons that are declared and that no code gives.
const notSet = "not set by this version"

func TestReasonsAreDescribed(t *testing.T) {
	defined := constants(t, "api/v1alpha1/reasons.go", "Reason")
	described := rows(t, statusPage, "## Reasons")
	sameNames(t, statusPage, values(defined), slices.Sorted(maps.Keys(described)))
	code := source(t, "internal")
	for name, c := range defined {
		row := described[c.value]
		if len(row) != 3 || slices.Contains(row, "") {
			t.Errorf("%s: %s must say where it is shown, what it means and what to do: %q", statusPage, c.value, row)
			continue
		}
		if strings.Contains(c.doc, "\nRemedy: ") && row[2] == "–" {
			t.Errorf("%s names no remedy for %s, and its documentation does", statusPage, c.value)
		}
		given := regexp.MustCompile(`v1alpha1\.` + name + `\b`).MatchString(code)
		if said := row[0] == notSet; given == said {
			t.Errorf("%s: that %s is %s is %t in the page and %t in the code", statusPage, c.value, notSet, said, !given)
		}
	}
}

func TestGuardsAreDescribed(t *testing.T) {
	described := rows(t, statusPage, "## Guards")
	sameNames(t, statusPage, values(constants(t, "internal/plan/guards.go", "Guard")), slices.Sorted(maps.Keys(described)))
	for _, g := range plan.Guards {
		if row := described[g.Name]; len(row) == 0 || row[0] != g.Law {
			t.Errorf("%s: %s guards %q, and the page says %q", statusPage, g.Name, g.Law, row)
		}
	}
}

// TestActionsAreDescribed also sees to it that what the engine's contract adds
// is explained to users.
func TestActionsAreDescribed(t *testing.T) {
	described := rows(t, statusPage, "## Plan")
	sameNames(t, statusPage, values(constants(t, "internal/engine/step.go", "Step")), slices.Sorted(maps.Keys(described)))
}

var flagForm = regexp.MustCompile(`Var\(&o\.[A-Za-z.]+, "([a-z-]+)"`)

func TestFlagsOfTheManagerAreDescribed(t *testing.T) {
	var defined []string
	for _, m := range flagForm.FindAllStringSubmatch(read(t, "cmd/quorate/manager.go"), -1) {
		defined = append(defined, "--"+m[1])
	}
	described := slices.Sorted(maps.Keys(rows(t, operationsPage, "## Flags of the manager")))
	sameNames(t, operationsPage, defined, described)
	if len(defined) < 8 {
		t.Errorf("only the flags %v were found", defined)
	}
}

// TestOwnedSettingsAreDescribed compares the settings that each engine refuses
// with those of its guide.
func TestOwnedSettingsAreDescribed(t *testing.T) {
	for engine, page := range map[string]string{"consul": consulPage, "mongodb": mongodbPage, "cassandra": cassandraPage} {
		checkOwnedSettings(t, engine, page)
	}
}

func checkOwnedSettings(t *testing.T, engine, page string) {
	t.Helper()
	_, owned, found := strings.Cut(read(t, "internal/engine/"+engine+"/settings.txt"), "\n---\n")
	if !found {
		t.Fatalf("settings.txt of %s has no owned settings", engine)
	}
	var defined, described []string
	for line := range strings.Lines(owned) {
		if name, _, ok := strings.Cut(line, ": "); ok {
			defined = append(defined, name)
		}
	}
	_, section, found := strings.Cut(read(t, page), "\n### Settings that the operator owns\n")
	if !found {
		t.Fatalf("%s has no list of owned settings", page)
	}
	section, _, _ = strings.Cut(section, "\n#")
	for line := range strings.Lines(section) {
		if cells := strings.Split(line, "|"); len(cells) == 4 {
			for _, m := range spanForm.FindAllStringSubmatch(cells[1], -1) {
				described = append(described, m[1])
			}
		}
	}
	sameNames(t, page, defined, described)
}

// source returns all Go code below a folder, without its tests.
func source(t *testing.T, folder string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		out.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}
