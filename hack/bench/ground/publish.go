// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package ground

import (
	"fmt"
	"os"
	"path/filepath"
)

// Publish puts a report where it is read.
func Publish(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	return nil
}
