// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package toolchain

// Entry describes one known tool and whether the cache holds it.
type Entry struct {
	// Name is what Ensure takes, with the version.
	Name string
	// Path is where the tool is, or will be once built.
	Path string
	// Built tells whether it is there.
	Built bool
}

// List returns every known tool, in the order of the catalogue. It builds nothing.
func List() ([]Entry, error) {
	cache, err := CacheDir()
	if err != nil {
		return nil, err
	}
	tools := catalogue()
	entries := make([]Entry, 0, len(tools))
	for _, t := range tools {
		path := toolPath(cache, t)
		built, err := isBuilt(path)
		if err != nil {
			return nil, err
		}
		entries = append(entries, Entry{Name: t.key(), Path: path, Built: built})
	}
	return entries, nil
}
