// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package toolchain

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// cacheVariable names the environment variable that moves the cache.
const cacheVariable = "QUORATE_CACHE"

// CacheDir returns the absolute path of the folder that holds everything built once per machine: $QUORATE_CACHE, or
// "quorate" in the user's cache folder. It is outside the checkout, so that a fresh clone finds what an earlier one
// built. The folder is not created here.
func CacheDir() (string, error) {
	if dir := os.Getenv(cacheVariable); dir != "" {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return "", fmt.Errorf("finding the folder that %s names: %w", cacheVariable, err)
		}
		return abs, nil
	}
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding the user's cache folder (set %s to choose one): %w", cacheVariable, err)
	}
	return filepath.Join(base, "quorate"), nil
}

// toolPath is where a finished tool lives below the cache. A file exists there only when it is complete.
func toolPath(cache string, t tool) string {
	return filepath.Join(cache, "tools", t.name, t.version, t.name)
}

// isBuilt tells whether a finished tool is at the path.
func isBuilt(path string) (bool, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking for a built tool: %w", err)
	}
	return info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0, nil
}
