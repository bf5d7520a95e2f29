// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package auth is who may do what: the key file of the set, SCRAM-SHA-256 on both sides, users and roles. It holds no
// connections and stores nothing.
package auth

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"

	"sigs.k8s.io/yaml"
)

const (
	shortestKey = 6
	longestKey  = 1024
	mostKeys    = 2
)

// LoadKeys reads a key file: one key, or a YAML list of them. It must not be open to group or world.
func LoadKeys(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("error opening the key file: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("permissions on %s are too open", path)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("error reading the key file: %w", err)
	}
	keys, err := ParseKeys(content)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return keys, nil
}

// ParseKeys reads the content of a key file. White space within a key does not count.
func ParseKeys(content []byte) ([]string, error) {
	var list []string
	if err := yaml.Unmarshal(content, &list); err != nil || len(list) == 0 {
		list = []string{string(content)}
	}
	if len(list) > mostKeys {
		return nil, fmt.Errorf("only two keys are supported in the security key file, and there are %d", len(list))
	}
	keys := make([]string, 0, len(list))
	for _, entry := range list {
		key := strings.Join(strings.Fields(entry), "")
		if err := checkKey(key); err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func checkKey(key string) error {
	if len(key) < shortestKey || len(key) > longestKey {
		return fmt.Errorf("security key has length %d, must be between %d and %d chars", len(key), shortestKey, longestKey)
	}
	if _, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(key[:len(key)/4*4], "=")); err != nil {
		return errors.New("invalid char in key file")
	}
	return nil
}
