// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package atomicfile

import (
	"fmt"
	"os"
	"path/filepath"
)

// RemoveAll removes the names, with all that is in them, from a directory, in
// their order, and returns when that is on the disk. A name that is not there is
// no error.
func RemoveAll(dir string, names []string) error {
	for _, name := range names {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("remove %s from %s: %w", name, dir, err)
		}
	}
	return syncDir(dir)
}
