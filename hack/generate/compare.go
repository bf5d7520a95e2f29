// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// change is a generated file that is not as it should be.
type change struct {
	path    string // below the root of the module, with slashes.
	content []byte // nil where the file should not exist.
	missing bool
}

// String names the file and what is wrong with it.
func (c change) String() string {
	switch {
	case c.content == nil:
		return c.path + ": left over"
	case c.missing:
		return c.path + ": missing"
	default:
		return c.path + ": differs"
	}
}

// apply brings the file to what it should be.
func (c change) apply(root string) error {
	path := filepath.Join(root, filepath.FromSlash(c.path))
	if c.content == nil {
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("removing a left-over: %w", err)
		}
		return nil
	}
	return writeFile(path, c.content)
}

// compare returns what must change in the checkout at root to hold the wanted files and no left-over, by path.
func compare(root string, wanted files) ([]change, error) {
	var changes []change
	for path, content := range wanted {
		found, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(path)))
		if err != nil && !os.IsNotExist(err) {
			return nil, fmt.Errorf("reading a generated file: %w", err)
		}
		if err != nil || !bytes.Equal(found, content) {
			changes = append(changes, change{path: path, content: content, missing: err != nil})
		}
	}
	for _, folder := range wholeFolders {
		found, err := read(root, folder)
		if err != nil {
			return nil, err
		}
		for path := range maps.Keys(found) {
			if _, ok := wanted[path]; !ok {
				changes = append(changes, change{path: path})
			}
		}
	}
	slices.SortFunc(changes, func(a, b change) int { return bytes.Compare([]byte(a.path), []byte(b.path)) })
	return changes, nil
}
