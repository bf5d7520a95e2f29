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
	"strings"

	"github.com/hashicorp/consul/api"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
)

// shown are the settings of the reloadable file that are compared with what the
// server says of itself.
type shown struct {
	Level string `json:"LogLevel"`
	Mark  string `json:"SyslogFacility"`
}

// readShown returns what a server that has the file would show.
func readShown(content []byte) (shown, error) {
	var file struct {
		Level string `json:"log_level"`
		Mark  string `json:"syslog_facility"`
	}
	if err := json.Unmarshal(content, &file); err != nil {
		return shown{}, fmt.Errorf("reading %s: %w", consul.ReloadFile, err)
	}
	if file.Level == "" || file.Mark == "" {
		return shown{}, fmt.Errorf("reading %s: it has no log_level, or no mark", consul.ReloadFile)
	}
	return shown(file), nil
}

// settings returns the hash of the reloadable file if the server runs with it.
func (l *local) settings(self agentSelf) string {
	content, err := os.ReadFile(l.reloadPath())
	if err != nil {
		return ""
	}
	if want, err := readShown(content); err != nil || !self.runsWith(want) {
		return ""
	}
	return engine.SettingsHash(map[string]string{consul.ReloadFile: string(content)})
}

// runsWith tells whether the process shows what is wanted.
func (s agentSelf) runsWith(want shown) bool {
	have := s.DebugConfig.Logging
	return have.Mark == want.Mark && strings.EqualFold(have.Level, want.Level)
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
func reloadNow(ctx context.Context, client *api.Client, want shown) error {
	if _, err := client.Raw().Write("/v1/agent/reload", nil, nil, (&api.WriteOptions{}).WithContext(ctx)); err != nil {
		return fmt.Errorf("having the server read its settings again: %w", err)
	}
	self, err := readSelf(client, query(ctx))
	if err != nil {
		return err
	}
	if !self.runsWith(want) {
		return fmt.Errorf("the server read its settings again, and runs with others: %+v, not %+v", self.DebugConfig.Logging, want)
	}
	return nil
}
