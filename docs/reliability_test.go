// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const (
	reliabilityPage = "docs/reliability.md"
	// notYet marks what has no test.
	notYet = "not yet"
)

// testForm is a reference to a test: its folder, and its name or, for a spec
// or a subtest, its words in quotes.
var testForm = regexp.MustCompile("`([a-z0-9/]+): (Test\\w+|Fuzz\\w+|Benchmark\\w+|\"[^\"`]+\")`")

func TestNamedTestsExist(t *testing.T) {
	page := read(t, reliabilityPage)
	named := 0
	for _, m := range testForm.FindAllStringSubmatch(page, -1) {
		named++
		if !hasTest(t, m[1], m[2]) {
			t.Errorf("%s: no test of %s is called %s", reliabilityPage, m[1], m[2])
		}
	}
	if named < 40 {
		t.Errorf("only %d tests are named", named)
	}
}

// TestEveryLineNamesATest has each row of the tables name a test or say that
// there is none.
func TestEveryLineNamesATest(t *testing.T) {
	checked := 0
	for line := range strings.Lines(read(t, reliabilityPage)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 5 || strings.HasPrefix(cells[1], " #") || strings.HasPrefix(cells[1], "-") {
			continue
		}
		checked++
		if last := cells[3]; !testForm.MatchString(last) && !strings.Contains(last, notYet) {
			t.Errorf("%s: neither a test nor %q in %q", reliabilityPage, notYet, strings.TrimSpace(line))
		}
	}
	if checked < 40 {
		t.Errorf("only %d lines were checked", checked)
	}
}

// TestEachRuleOfMongoDBHasATest has the thirteen rules be there, each with a test.
func TestEachRuleOfMongoDBHasATest(t *testing.T) {
	_, page, found := strings.Cut(read(t, reliabilityPage), "\n## The rules of MongoDB's servers\n")
	if !found {
		t.Fatal("there is no such part")
	}
	page, _, _ = strings.Cut(page, "\n## ")
	rule := 0
	for line := range strings.Lines(page) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 5 || strings.HasPrefix(cells[1], " #") || strings.HasPrefix(cells[1], "-") {
			continue
		}
		rule++
		if strings.TrimSpace(cells[1]) != strconv.Itoa(rule) || !testForm.MatchString(cells[3]) {
			t.Errorf("the line of rule %d names no test: %s", rule, line)
		}
	}
	if rule != 13 {
		t.Errorf("there are %d rules", rule)
	}
}

// hasTest looks for a function or for the words of a spec in the tests of one
// folder.
func hasTest(t *testing.T, folder, name string) bool {
	t.Helper()
	want := "func " + name + "("
	if strings.HasPrefix(name, `"`) {
		want = strings.Trim(name, `"`)
	}
	files, err := filepath.Glob(filepath.Join(root, folder, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), want) {
			return true
		}
	}
	return false
}
