// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package initialize

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/quorate/quorate/internal/agent/settings"
	"github.com/quorate/quorate/internal/agent/watch"
)

// awaitAddress returns the stable addresses of all members once this member's
// own is among them.
func awaitAddress(ctx context.Context, dir, member string, log *slog.Logger) (map[string]string, error) {
	var addresses map[string]string
	waiting := false
	err := watch.Until(ctx, dir, func() (bool, error) {
		var err error
		addresses, err = readAddresses(filepath.Join(dir, settings.AddressesName))
		if err != nil {
			return false, err
		}
		_, ok := addresses[member]
		if !ok && !waiting {
			waiting = true
			log.Info("waiting for the member's stable address", "member", member)
		}
		return ok, nil
	})
	if err != nil {
		return nil, fmt.Errorf("wait for the stable address of %s: %w", member, err)
	}
	return addresses, nil
}

// readAddresses leaves out what is no address, such as that of a Service which
// has none yet. A file that is not there has none at all.
func readAddresses(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the members' addresses: %w", err)
	}
	var all map[string]string
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, fmt.Errorf("read the members' addresses: %w", err)
	}
	for name, address := range all {
		if _, err := netip.ParseAddr(address); err != nil {
			delete(all, name)
		}
	}
	return all, nil
}
