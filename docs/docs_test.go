// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package docs holds no code. Its tests keep the documentation true: links
// lead somewhere, samples are accepted, and what the code defines is described.
package docs

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// root is the checkout, seen from this directory.
const root = ".."

// document is one page, with its path from the root.
type document struct {
	path, text string
}

// documents are the README, the changelog and everything in docs.
func documents(t *testing.T) []document {
	t.Helper()
	paths := []string{"README.md", "CHANGELOG.md"}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Ext(path) == ".md" {
			paths = append(paths, filepath.Join("docs", path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	out := make([]document, 0, len(paths))
	for _, path := range paths {
		out = append(out, document{path, read(t, path)})
	}
	return out
}

// read returns a file by its path from the root.
func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// block is the inside of a fence.
type block struct {
	language, text string
}

// split takes a page apart into its fenced blocks and what is around them.
func split(text string) (prose string, blocks []block) {
	var outside strings.Builder
	var open *block
	for line := range strings.Lines(text) {
		fence, isFence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case isFence && open == nil:
			open = &block{language: fence}
		case isFence:
			blocks = append(blocks, *open)
			open = nil
		case open != nil:
			open.text += line
		default:
			outside.WriteString(line)
		}
	}
	return outside.String(), blocks
}

var (
	linkForm   = regexp.MustCompile(`\[[^][]*\]\(([^)\s]+)\)`)
	spanForm   = regexp.MustCompile("`([^`\n]+)`")
	headForm   = regexp.MustCompile(`(?m)^#+ +(.+)$`)
	notInSlug  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	outerLink  = regexp.MustCompile(`^[a-z]+:`)
	targetForm = regexp.MustCompile(`(?m)^([a-z][a-z0-9-]*):`)
	makeForm   = regexp.MustCompile(`(?m)^(?:\$ )?make ([a-z][a-z0-9-]*)`)
)

// anchors are the fragments that the headings of a page can be linked by.
func anchors(text string) []string {
	prose, _ := split(text)
	var out []string
	for _, m := range headForm.FindAllStringSubmatch(prose, -1) {
		slug := notInSlug.ReplaceAllString(strings.ToLower(m[1]), "")
		out = append(out, strings.ReplaceAll(slug, " ", "-"))
	}
	return out
}

func TestLinksLeadSomewhere(t *testing.T) {
	links := 0
	for _, d := range documents(t) {
		prose, _ := split(d.text)
		for _, m := range linkForm.FindAllStringSubmatch(spanForm.ReplaceAllString(prose, ""), -1) {
			if outerLink.MatchString(m[1]) {
				continue
			}
			links++
			checkLink(t, d, m[1])
		}
	}
	if links < 40 {
		t.Errorf("only %d links were found", links)
	}
}

func checkLink(t *testing.T, d document, link string) {
	t.Helper()
	file, fragment, _ := strings.Cut(link, "#")
	path := d.path
	if file != "" {
		path = filepath.Join(filepath.Dir(d.path), file)
	}
	info, err := os.Stat(filepath.Join(root, path))
	if err != nil {
		t.Errorf("%s: the link %q leads nowhere", d.path, link)
		return
	}
	if fragment != "" && (info.IsDir() || !slices.Contains(anchors(read(t, path)), fragment)) {
		t.Errorf("%s: the link %q leads to no heading of %s", d.path, link, path)
	}
}

// TestEveryPageIsReached follows the links from the README and from the index.
func TestEveryPageIsReached(t *testing.T) {
	linked := map[string]bool{"README.md": true, "CHANGELOG.md": true, "docs/README.md": true}
	pages := documents(t)
	for _, d := range pages {
		prose, _ := split(d.text)
		for _, m := range linkForm.FindAllStringSubmatch(prose, -1) {
			file, _, _ := strings.Cut(m[1], "#")
			if path := filepath.Join(filepath.Dir(d.path), file); path != d.path {
				linked[path] = true
			}
		}
	}
	for _, d := range pages {
		if !linked[d.path] {
			t.Errorf("no page links to %s", d.path)
		}
	}
}

func TestMakeTargetsExist(t *testing.T) {
	var targets []string
	for _, m := range targetForm.FindAllStringSubmatch(read(t, "Makefile"), -1) {
		targets = append(targets, m[1])
	}
	named := 0
	for _, d := range documents(t) {
		prose, blocks := split(d.text)
		commands := make([]string, 0, len(blocks))
		for _, b := range blocks {
			commands = append(commands, b.text)
		}
		for _, m := range spanForm.FindAllStringSubmatch(prose, -1) {
			commands = append(commands, m[1])
		}
		for _, c := range commands {
			for _, m := range makeForm.FindAllStringSubmatch(c, -1) {
				named++
				if !slices.Contains(targets, m[1]) {
					t.Errorf("%s: the Makefile has no target %s", d.path, m[1])
				}
			}
		}
	}
	if named < 10 {
		t.Errorf("only %d targets were found", named)
	}
}

var decisionForm = regexp.MustCompile(`^(\d{4})-[a-z0-9-]+\.md$`)

func TestDecisionsAreNumberedAndComplete(t *testing.T) {
	entries, err := os.ReadDir("adr")
	if err != nil {
		t.Fatal(err)
	}
	next := 1
	for _, e := range entries {
		if e.Name() == "README.md" {
			continue
		}
		m := decisionForm.FindStringSubmatch(e.Name())
		if m == nil || m[1] != fmt.Sprintf("%04d", next) {
			t.Errorf("%s is not the decision number %d", e.Name(), next)
		}
		next++
		text := read(t, filepath.Join("docs", "adr", e.Name()))
		for _, part := range []string{"## Context", "## Decision", "## Consequences", "## Measured"} {
			if !strings.Contains(text, "\n"+part+"\n") {
				t.Errorf("%s has no part %q", e.Name(), part)
			}
		}
	}
	if next < 12 {
		t.Errorf("only %d decisions were found", next-1)
	}
}
