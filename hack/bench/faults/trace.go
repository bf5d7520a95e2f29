// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/quorate/quorate/hack/bench/load"
	"github.com/quorate/quorate/hack/bench/quorum"
)

// trace is all that is known of one outcome, for those who wonder about it.
type trace struct {
	// Fault is when it began, Clock from when the time to all voters counts.
	Fault, Clock time.Time
	Samples      []quorum.Sample
	Writes       []load.Write
}

// keep writes the trace where that is asked for.
func (t trace) keep(folder, name string) error {
	if folder == "" {
		return nil
	}
	text, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("encode what was seen: %w", err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("write what was seen: %w", err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".json"), text, 0o644); err != nil {
		return fmt.Errorf("write what was seen: %w", err)
	}
	return nil
}
