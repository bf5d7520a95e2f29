// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package settings

import (
	"strings"
	"testing"
)

func environment(without ...string) func(string) (string, bool) {
	env := map[string]string{
		EnvEngine: "Consul", EnvDatastore: "db", EnvClusterID: "c1", EnvDataDir: "/data", EnvConfigDir: "/config",
		EnvPodName: "db-2", EnvPodNamespace: "ns", EnvPodUID: "u", EnvPodIP: "10.0.0.1", EnvHost: "db-2.db.ns.svc",
	}
	for _, name := range without {
		delete(env, name)
	}
	return func(name string) (string, bool) {
		v, ok := env[name]
		return v, ok
	}
}

func TestFromEnv(t *testing.T) {
	s, err := FromEnv(environment())
	if err != nil {
		t.Fatal(err)
	}
	if s.Member != "db-2" || s.RunDir != RunDir || s.ClusterID != "c1" || s.PodUID != "u" {
		t.Errorf("settings are %+v", s)
	}
	if s.Host != "db-2.db.ns.svc" {
		t.Errorf("the name in DNS is %q", s.Host)
	}
	if s, err = FromEnv(environment(EnvHost)); err != nil || s.Host != "" {
		t.Errorf("without a name in DNS: %q, %v", s.Host, err)
	}
	if s.Rack != "" {
		t.Errorf("without racks it is in %q", s.Rack)
	}
	inRack := func(name string) (string, bool) {
		if name == EnvRack {
			return "a", true
		}
		return environment()(name)
	}
	if s, err = FromEnv(inRack); err != nil || s.Rack != "a" {
		t.Errorf("it is in the rack %q, %v", s.Rack, err)
	}
	_, err = FromEnv(environment(EnvPodUID, EnvEngine))
	if err == nil || !strings.Contains(err.Error(), EnvPodUID) || !strings.Contains(err.Error(), EnvEngine) {
		t.Errorf("the error does not name what is missing: %v", err)
	}
}

func TestOrdinal(t *testing.T) {
	for name, want := range map[string]int{"db-0": 0, "my-db-12": 12, "db": -1, "-3": -1, "db-": -1, "db-x": -1, "": -1} {
		got, err := Settings{Member: name}.Ordinal()
		if want < 0 {
			if err == nil {
				t.Errorf("%q: no error", name)
			}
			continue
		}
		if err != nil || got != want {
			t.Errorf("%q: %d, %v; want %d", name, got, err, want)
		}
	}
}
