// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package daemon

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// Tail returns the last lines of a log, which may be long.
func Tail(path string, lines int) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("opening a log: %w", err)
	}
	defer func() { _ = file.Close() }() // it was only read.
	info, err := file.Stat()
	if err != nil {
		return "", fmt.Errorf("measuring a log: %w", err)
	}
	const most = 64 << 10
	start := max(0, info.Size()-most)
	text, err := io.ReadAll(io.NewSectionReader(file, start, most))
	if err != nil {
		return "", fmt.Errorf("reading the end of a log: %w", err)
	}
	all := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n"), nil
}
