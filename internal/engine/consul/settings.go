// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consul

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
)

//go:embed settings.txt
var settingsText string

// setting is one that a user may write.
type setting struct {
	path   string // dotted
	kind   string // boolean, integer, number, string, duration, strings, stringmap, object or list
	since  string // the first release that has it; empty for all
	reload bool   // a running server takes it up
}

// catalogue is what is known of Consul's settings. A server refuses to start
// with one that it does not know, so an unknown one is refused before that.
type catalogue struct {
	known map[string]setting
	// sections are the objects that hold known settings.
	sections map[string]bool
	// owned are those of the operator, with the remedy.
	owned map[string]string
	// paths are all of the known ones and the sections, for suggestions.
	paths []string
}

var settings = parseCatalogue(settingsText)

// parseCatalogue reads the embedded text; a line that it cannot read is a fault
// of the program and is found by every test.
func parseCatalogue(text string) catalogue {
	c := catalogue{known: map[string]setting{}, sections: map[string]bool{}, owned: map[string]string{}}
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
				panic("settings.txt: no remedy in " + line)
			}
			c.owned[path] = remedy
			c.addSections(path)
		default:
			c.add(line)
		}
	}
	for path := range c.sections {
		c.paths = append(c.paths, path)
	}
	for path := range c.known {
		c.paths = append(c.paths, path)
	}
	slices.Sort(c.paths)
	return c
}

func (c *catalogue) add(line string) {
	words := strings.Fields(line)
	if len(words) < 2 {
		panic("settings.txt: no kind in " + line)
	}
	s := setting{path: words[0], kind: words[1]}
	for _, word := range words[2:] {
		if word == "reload" {
			s.reload = true
		} else {
			s.since = word
		}
	}
	c.known[s.path] = s
	c.addSections(s.path)
}

// addSections notes the objects that a setting is nested in.
func (c *catalogue) addSections(path string) {
	for i, r := range path {
		if r == '.' {
			c.sections[path[:i]] = true
		}
	}
}

// suggest returns a hint at the known setting that is most like an unknown one:
// the same last word elsewhere, or a small slip of the pen. It is empty where
// nothing is near.
func (c *catalogue) suggest(path string) string {
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
