// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build realconsul

package consul

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestRealSettings gives a real server every setting that a user may write, and
// looks for those that it does not know or whose kind is another.
func TestRealSettings(t *testing.T) {
	samples := map[string]any{
		"boolean": true, "string": "x", "object": object{}, "list": []any{}, "number": 1.5,
		"integer": 1, "duration": "10s", "strings": []string{"x"}, "stringmap": object{"x": "y"},
	}
	binary := os.Getenv("QUORATE_CONSUL")
	version, err := exec.Command(binary, "version").Output()
	if err != nil {
		t.Fatal(err)
	}
	all := object{}
	for path, s := range settings.Known {
		if s.Since != "" && !strings.Contains(string(version), "v"+s.Since+".") {
			continue
		}
		words := strings.Split(path, ".")
		at := all
		for _, word := range words[:len(words)-1] {
			if at[word] == nil {
				at[word] = object{}
			}
			at = at[word].(object)
		}
		at[words[len(words)-1]] = samples[s.Kind]
	}
	file := filepath.Join(t.TempDir(), "all.json")
	if err := os.WriteFile(file, encode(all), 0o600); err != nil {
		t.Fatal(err)
	}
	out, _ := exec.Command(binary, "validate", file).CombinedOutput()
	for _, complaint := range []string{"invalid config key", "expected type", "unconvertible", "cannot parse"} {
		if strings.Contains(string(out), complaint) {
			t.Errorf("%s: %s", complaint, out)
		}
	}
	t.Logf("of %d settings Consul says: %s", len(settings.Known), out)
	for _, key := range []string{"no_such_setting", "performance.no_such_setting"} {
		refused := filepath.Join(t.TempDir(), "refused.json")
		words := strings.Split(key, ".")
		var value any = true
		for i := len(words) - 1; i >= 0; i-- {
			value = object{words[i]: value}
		}
		if err := os.WriteFile(refused, encode(value.(object)), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(binary, "validate", refused).CombinedOutput(); err == nil {
			t.Errorf("Consul accepts %s: %s", key, out)
		}
	}
}
