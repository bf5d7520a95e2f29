// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consul

import (
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine/catalogue"
)

// datastore returns a Consul of the newest release with the given settings.
func datastore(config string) *v1alpha1.Datastore {
	d := &v1alpha1.Datastore{}
	d.Name = "db"
	d.Spec.Engine = v1alpha1.EngineConsul
	d.Spec.Version = "1.22.3"
	if config != "" {
		d.Spec.Config = &apiextensionsv1.JSON{Raw: []byte(config)}
	}
	return d
}

func TestValidateSettings(t *testing.T) {
	for config, want := range map[string][]string{
		``:     nil,
		`{}`:   nil,
		`null`: nil,
		`{"domain":"consul.example","log_level":"debug","recursors":["10.0.0.1"]}`:                    nil,
		`{"performance":{"raft_multiplier":5},"limits":{"rpc_rate":1.5},"node_meta":{"a":"b"}}`:       nil,
		`{"acl":{"default_policy":"allow"},"dns_config":{"max_stale":"1h","service_ttl":{"*":"5s"}}}`: nil,
		`[]`: {"spec.config: Invalid value: it must be an object of Consul's settings"},
		`{"bootstrap_expect":3}`: {
			"spec.config.bootstrap_expect: Forbidden: remove it: members find each other"},
		`{"acl":{"enabled":false,"tokens":{"agent":"x"}}}`: {
			"spec.config.acl.enabled: Forbidden: remove it: access control is always on",
			"spec.config.acl.tokens: Forbidden: remove it: spec.config is readable"},
		`{"datacenter":"x"}`:             {"spec.config.datacenter: Forbidden: set spec.consul.datacenter instead"},
		`{"ui_config":{"enabled":true}}`: {"spec.config.ui_config.enabled: Forbidden: set spec.consul.ui.enabled instead"},
		`{"ports":{"http":80}}`:          {"spec.config.ports: Forbidden: remove it: every member listens"},
		`{"autopilot":{"cleanup_dead_servers":true,"min_quorum":1}}`: {
			"spec.config.autopilot.cleanup_dead_servers: Forbidden: remove it: only the operator evicts",
			"spec.config.autopilot.min_quorum: Forbidden: remove it: the operator sets it"},
		`{"retry-join":["x"]}`:                    {"Consul has no setting of this name"},
		`{"log_leevel":"INFO"}`:                   {`spec.config.log_leevel: Invalid value: Consul has no setting of this name and would not start; remove it; did you mean "log_level"?`},
		`{"raft_multiplier":1}`:                   {`did you mean "performance.raft_multiplier"?`},
		`{"Bootstrap_Expect":1}`:                  {"spec.config.Bootstrap_Expect: Invalid value: Consul has no setting of this name"},
		`{"performance":{"nonsense":1}}`:          {"spec.config.performance.nonsense: Invalid value: Consul has no setting"},
		`{"performance":3}`:                       {"spec.config.performance: Invalid value: 3: it must be an object of settings"},
		`{"performance":{"raft_multiplier":11}}`:  {"spec.config.performance.raft_multiplier: Invalid value: 11: it must be between 1 and 10"},
		`{"performance":{"raft_multiplier":"1"}}`: {"it must be a whole number, without quotes"},
		`{"performance":{"raft_multiplier":1.5}}`: {"it must be a whole number, without quotes"},
		`{"log_level":"LOUD"}`:                    {"it must be one of TRACE, DEBUG"},
		`{"log_json":"true"}`:                     {"it must be true or false, without quotes"},
		`{"reconnect_timeout":"3 days"}`:          {"it must be a duration in quotes"},
		`{"recursors":"10.0.0.1"}`:                {"it must be a list of texts in quotes"},
		`{"recursors":[1]}`:                       {"it must be a list of texts in quotes"},
		`{"node_meta":{"a":1}}`:                   {"it must be an object of texts in quotes"},
		`{"acl":{"default_policy":"none"}}`:       {"it must be deny or allow"},
	} {
		t.Run(config, func(t *testing.T) {
			errs := Engine{}.Validate(nil, datastore(config))
			if len(errs) != len(want) {
				t.Fatalf("got %d errors, want %d: %v", len(errs), len(want), errs)
			}
			for i := range want {
				if !strings.Contains(errs[i].Error(), want[i]) {
					t.Errorf("got %q, want it to contain %q", errs[i].Error(), want[i])
				}
			}
		})
	}
}

func TestValidateVersion(t *testing.T) {
	for version, want := range map[string]string{
		"1.22.3":     "",
		"1.21.0":     "",
		"1.22.0-rc1": "",
		"1.22":       "write the full version",
		"latest":     "write the full version",
		"1.22.3+ent": "write the full version",
		"v1.22.3":    "write the full version",
		"":           "write the full version",
		"1.9.0":      "knows the releases 1.21 and 1.22",
		"2.0.0":      "knows the releases 1.21 and 1.22",
	} {
		d := datastore("")
		d.Spec.Version = version
		errs := Engine{}.Validate(nil, d)
		if want == "" && len(errs) > 0 {
			t.Errorf("%s: %v", version, errs)
		}
		if want != "" && (len(errs) != 1 || errs[0].Field != "spec.version" || !strings.Contains(errs[0].Error(), want)) {
			t.Errorf("%s: got %v, want %q", version, errs, want)
		}
	}
}

func TestValidateNewSettingOnOldRelease(t *testing.T) {
	d := datastore(`{"disable_kv_key_validation":true}`)
	if errs := (Engine{}).Validate(nil, d); len(errs) != 0 {
		t.Errorf("on %s: %v", d.Spec.Version, errs)
	}
	d.Spec.Version = "1.21.5"
	errs := Engine{}.Validate(nil, d)
	if len(errs) != 1 || !strings.Contains(errs[0].Error(), "since 1.22; remove it or raise spec.version") {
		t.Errorf("on %s: %v", d.Spec.Version, errs)
	}
}

func TestValidateDatacenter(t *testing.T) {
	d := datastore("")
	d.Spec.Consul = &v1alpha1.ConsulSpec{Datacenter: "East 1"}
	errs := Engine{}.Validate(nil, d)
	if len(errs) != 1 || errs[0].Field != "spec.consul.datacenter" {
		t.Errorf("got %v", errs)
	}
}

// TestOwnedAndKnownAreApart also holds what Template writes against the list:
// every default is either the user's to change or the operator's own.
func TestOwnedAndKnownAreApart(t *testing.T) {
	for path := range settings.Known {
		for parent := path; parent != ""; parent = parent[:max(0, strings.LastIndex(parent, "."))] {
			if _, owned := settings.Owned[parent]; owned {
				t.Errorf("%s is both the user's and, as %s, the operator's", path, parent)
			}
		}
		if _, known := catalogue.Kinds[settings.Known[path].Kind]; !known {
			t.Errorf("%s is of no known kind", path)
		}
	}
	var walk func(prefix string, values object)
	walk = func(prefix string, values object) {
		for key, value := range values {
			path := strings.TrimPrefix(prefix+"."+key, ".")
			_, owned := settings.Owned[path]
			_, known := settings.Known[path]
			section, isObject := value.(object)
			switch {
			case owned || known:
			case isObject:
				walk(path, section)
			default:
				t.Errorf("the default %s is neither known nor owned", path)
			}
		}
	}
	walk("", serverSettings(datastore("")))
}
