// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consulagent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/hashicorp/consul/api"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
	"github.com/quorate/quorate/internal/engine/consul/wire"
)

// readShown returns what a server that has the file would show.
func readShown(content []byte) (wire.Shown, error) {
	var file struct {
		Level string `json:"log_level"`
		Mark  string `json:"syslog_facility"`
	}
	if err := json.Unmarshal(content, &file); err != nil {
		return wire.Shown{}, fmt.Errorf("reading %s: %w", consul.ReloadFile, err)
	}
	if file.Level == "" || file.Mark == "" {
		return wire.Shown{}, fmt.Errorf("reading %s: it has no log_level, or no mark", consul.ReloadFile)
	}
	return wire.Shown(file), nil
}

// settings returns the hash of the reloadable file if the server runs with it.
func (l *local) settings(self wire.Self) string {
	content, err := os.ReadFile(l.reloadPath())
	if err != nil {
		return ""
	}
	if want, err := readShown(content); err != nil || !self.RunsWith(want) {
		return ""
	}
	return engine.SettingsHash(map[string]string{consul.ReloadFile: string(content)})
}

func (l *local) reloadPath() string { return filepath.Join(l.config.ConfigDir, consul.ReloadFile) }

// reload gives the server the file, has it read its configuration again, and
// looks whether it then has it. A server that does not answer reads the file
// when it starts.
//
// What Consul refuses is taken back, so that the server can start again.
func (l *local) reload(ctx context.Context, s engine.Step) error {
	content, ok := s.Params[consul.ReloadFile]
	if !ok || len(s.Params) != 1 {
		return fmt.Errorf("a running server takes up %s and nothing else, not %q", consul.ReloadFile, slices.Sorted(maps.Keys(s.Params)))
	}
	want, err := readShown([]byte(content))
	if err != nil {
		return err
	}
	before, err := os.ReadFile(l.reloadPath())
	if err != nil {
		return fmt.Errorf("reading the settings before (a pod that was made without them has to be replaced): %w", err)
	}
	client, err := l.client()
	if err != nil {
		return err
	}
	if err := replaceFile(l.reloadPath(), []byte(content)); err != nil {
		return fmt.Errorf("writing %s: %w", consul.ReloadFile, err)
	}
	err = reloadNow(ctx, client, want)
	var status api.StatusError
	if errors.As(err, &status) {
		return errors.Join(err, l.takeBack(ctx, client, before))
	}
	return err
}

// takeBack puts the former settings back, under a mark that no wanted file has:
// the server may have taken up a part of what it then refused.
func (l *local) takeBack(ctx context.Context, client *api.Client, before []byte) error {
	content, err := consul.MarkedAgain(before)
	if err != nil {
		return err
	}
	want, err := readShown(content)
	if err != nil {
		return err
	}
	if err := replaceFile(l.reloadPath(), content); err != nil {
		return fmt.Errorf("putting the settings before back: %w", err)
	}
	if err := reloadNow(ctx, client, want); err != nil {
		return fmt.Errorf("going back to the settings before: %w", err)
	}
	return nil
}

// reloadNow has the server read its files, and returns once it shows that it
// has them.
func reloadNow(ctx context.Context, client *api.Client, want wire.Shown) error {
	if _, err := client.Raw().Write("/v1/agent/reload", nil, nil, (&api.WriteOptions{}).WithContext(ctx)); err != nil {
		return fmt.Errorf("having the server read its settings again: %w", err)
	}
	self, err := wire.ReadSelf(client, wire.Query(ctx))
	if err != nil {
		return err
	}
	if !self.RunsWith(want) {
		return fmt.Errorf("the server read its settings again, and runs with others: %+v, not %+v", self.DebugConfig.Logging, want)
	}
	return nil
}
