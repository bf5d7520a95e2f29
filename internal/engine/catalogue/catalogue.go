// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package catalogue checks spec.config against what is known of a server's
// settings, which each engine keeps in a text of its own. A server refuses to
// start with a setting that it does not know, so that an unknown one is refused
// before that.
//
// In the text, each line is a setting by its dotted path, the kind of its value,
// the first release that has it where that is not the oldest one, and the word
// "reload" where a running server takes it up. Below a line of dashes are those
// that the operator owns, each with a colon and the remedy; all that is nested in
// one is owned too.
package catalogue

import (
	"fmt"
	"slices"
	"strings"
)

// Setting is one that a user may write.
type Setting struct {
	Path   string // dotted
	Kind   string // see Kinds
	Since  string // the first release that has it; empty for all
	Reload bool   // a running server takes it up
}

// Catalogue is what is known of one kind of server.
type Catalogue struct {
	Known map[string]Setting
	// Sections are the objects that hold known settings.
	Sections map[string]bool
	// Owned are those of the operator, with the remedy.
	Owned map[string]string
	// paths are all of the known ones and the sections, for suggestions.
	paths []string
}

// Parse reads a catalogue's text; a line that it cannot read is a fault of the
// program and is found by every test.
func Parse(text string) Catalogue {
	c := Catalogue{Known: map[string]Setting{}, Sections: map[string]bool{}, Owned: map[string]string{}}
	own := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case line == "---":
			own = true
		case own:
			path, remedy, found := strings.Cut(line, ": ")
			if !found {
				panic("a catalogue of settings: no remedy in " + line)
			}
			c.Owned[path] = remedy
			c.addSections(path)
		default:
			c.add(line)
		}
	}
	for path := range c.Sections {
		c.paths = append(c.paths, path)
	}
	for path := range c.Known {
		c.paths = append(c.paths, path)
	}
	slices.Sort(c.paths)
	return c
}

func (c *Catalogue) add(line string) {
	words := strings.Fields(line)
	if len(words) < 2 {
		panic("a catalogue of settings: no kind in " + line)
	}
	s := Setting{Path: words[0], Kind: words[1]}
	for _, word := range words[2:] {
		if word == "reload" {
			s.Reload = true
		} else {
			s.Since = word
		}
	}
	c.Known[s.Path] = s
	c.addSections(s.Path)
}

// addSections notes the objects that a setting is nested in.
func (c *Catalogue) addSections(path string) {
	for i, r := range path {
		if r == '.' {
			c.Sections[path[:i]] = true
		}
	}
}

// suggest returns a hint at the known setting that is most like an unknown one:
// the same last word elsewhere, or a small slip of the pen. It is empty where
// nothing is near.
func (c *Catalogue) suggest(path string) string {
	last := path[strings.LastIndex(path, ".")+1:]
	best, distance := "", 3
	for _, candidate := range c.paths {
		name := candidate[strings.LastIndex(candidate, ".")+1:]
		if d := min(editDistance(path, candidate), editDistance(last, name)+1); d < distance {
			best, distance = candidate, d
		}
	}
	if best == "" || len(last) <= distance {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// editDistance counts the letters to insert, remove or replace, regardless of
// case.
func editDistance(a, b string) int {
	a, b = strings.ToLower(a), strings.ToLower(b)
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
