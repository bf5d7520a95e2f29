// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/catalogue"
)

// datastore returns a MongoDB with the given settings.
func datastore(config string) *v1alpha1.Datastore {
	d := &v1alpha1.Datastore{}
	d.Name, d.Spec.Engine, d.Spec.Version = "db", v1alpha1.EngineMongoDB, "8.0"
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
		`{"storage":{"wiredTiger":{"engineConfig":{"cacheSizeGB":0.5}}},"operationProfiling":{"mode":"slowOp","slowOpThresholdMs":50}}`: nil,
		`{"setParameter":{"ttlMonitorSleepSecs":30,"transactionLifetimeLimitSeconds":10,"logLevel":1,"cursorTimeoutMillis":60000}}`:     nil,
		`{"replication":{"oplogSizeMB":2048},"net":{"ipv6":true},"systemLog":{"component":{"query":{"verbosity":2}}}}`:                  nil,
		`[]`:                                  {"spec.config: Invalid value: it must be an object of MongoDB's settings"},
		`{"replication":{"replSetName":"x"}}`: {"spec.config.replication.replSetName: Forbidden: remove it: the replica set has the name of the Datastore"},
		`{"net":{"port":27018,"tls":{"mode":"requireTLS"}}}`: {
			"spec.config.net.port: Forbidden: remove it", "spec.config.net.tls: Forbidden: remove it: TLS"},
		`{"security":{"authorization":"disabled","keyFile":"/x"}}`: {
			"spec.config.security.authorization: Forbidden", "spec.config.security.keyFile: Forbidden"},
		`{"setParameter":{"enableLocalhostAuthBypass":false}}`:          {"spec.config.setParameter.enableLocalhostAuthBypass: Forbidden: remove it: the first user"},
		`{"setParameter":{"x":{"y":1}}}`:                                {"it must be an object of texts, numbers and truth values"},
		`{"sharding":{"clusterRole":"shardsvr"}}`:                       {"spec.config.sharding: Forbidden: remove it: sharded clusters are not supported"},
		`{"storrage":{"syncPeriodSecs":1}}`:                             {`spec.config.storrage: Invalid value: MongoDB has no setting of this name and would not start; remove it; did you mean "storage"?`},
		`{"storage":{"wiredTiger":{"engineConfig":{"cacheSizeGb":1}}}}`: {`did you mean "storage.wiredTiger.engineConfig.cacheSizeGB"?`},
		`{"storage":3}`:                          {"spec.config.storage: Invalid value: 3: it must be an object of settings"},
		`{"replication":{"oplogSizeMB":"2048"}}`: {"it must be a whole number, without quotes"},
		`{"replication":{"oplogSizeMB":10}}`:     {"spec.config.replication.oplogSizeMB: Invalid value: 10: it must be between 990 and 2147483648"},
		`{"net":{"ipv6":"true"}}`:                {"it must be true or false, without quotes"},
		`{"operationProfiling":{"mode":"loud"}}`: {"it must be one of off, slowOp, all"},
		`{"storage":{"wiredTiger":{"collectionConfig":{"blockCompressor":"gzip"}}}}`: {"it must be one of none, snappy, zlib, zstd"},
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
	for version, good := range map[string]bool{
		"8.0": true, "7.0": true, "8.0.4": true, "7.0.28": true, "8.0.4-noble": true,
		"6.0": false, "8": false, "8.1": false, "9.0": false, "v8.0": false, "latest": false, "": false, "8.0.4.1": false,
	} {
		d := datastore("")
		d.Spec.Version = version
		errs := Engine{}.Validate(nil, d)
		if good && len(errs) > 0 || !good && (len(errs) != 1 || errs[0].Field != "spec.version") {
			t.Errorf("%q: %v", version, errs)
		}
	}
}

// TestUpgrade holds both releases against each other, with every feature
// compatibility version that a server may have.
func TestUpgrade(t *testing.T) {
	for _, c := range []struct{ running, features, wanted, want string }{
		{"7.0.28", "7.0", "8.0", ""},
		{"7.0.28", "7.0", "7.0.30", ""},
		{"8.0.4", "", "8.0.9", ""},
		{"7.0.28", "6.0", "8.0", "wait until they are raised to 7.0"},
		{"7.0.28", "", "8.0", "wait until they are raised"},
		{"8.0.4", "7.0", "7.0", ""},
		{"8.0.4", "8.0", "7.0", "may have the features of \"8.0\" already"},
		{"8.0.4", "", "7.0", "may have the features"},
		{"6.0.1", "6.0", "8.0", "knows 7.0, 8.0 only"},
		{"8.0.4", "8.0", "9.0", "knows 7.0, 8.0 only"},
	} {
		checkUpgrade(t, Engine{}.Upgrade(engine.Server{Version: c.running, Facts: map[string]string{FactFeatures: c.features}}, c.wanted), c.want, c)
	}
	wide := map[string][]string{"7.0": {"8.0"}, "8.0": {"8.3", "9.0"}, "8.3": {"9.0"}, "9.0": {}}
	for _, c := range []struct{ from, to, features, want string }{
		{"7.0", "9.0", "7.0", "set spec.version to one of 8.0 first"},
		{"8.0", "9.0", "8.0", ""},
		{"8.3", "9.0", "8.3", ""},
		{"9.0", "8.0", "8.0", ""},
		{"9.0", "8.3", "8.0", "may have the features"},
		{"8.3", "7.0", "7.0", "set spec.version to one of"},
	} {
		checkUpgrade(t, upgrade(wide, c.from, c.to, c.features), c.want, c)
	}
}

func checkUpgrade(t *testing.T, err error, want string, of any) {
	t.Helper()
	if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
		t.Errorf("%+v: got %v", of, err)
	}
}

// TestOwnedAndKnownAreApart also holds what Template writes against the list.
func TestOwnedAndKnownAreApart(t *testing.T) {
	for path, s := range settings.Known {
		for parent := path; parent != ""; parent = parent[:max(0, strings.LastIndex(parent, "."))] {
			if _, owned := settings.Owned[parent]; owned {
				t.Errorf("%s is both the user's and, as %s, the operator's", path, parent)
			}
		}
		if _, known := catalogue.Kinds[s.Kind]; !known {
			t.Errorf("%s is of no known kind", path)
		}
	}
	for path := range oneOf {
		if settings.Known[path].Kind != "string" {
			t.Errorf("%s is no text", path)
		}
	}
	for path := range bounds {
		if kind := settings.Known[path].Kind; kind != "integer" && kind != "number" {
			t.Errorf("%s is no number", path)
		}
	}
	for section, values := range serverSettings(datastore("")) {
		for key := range values.(object) {
			if _, owned := settings.Owned[section+"."+key]; !owned {
				t.Errorf("the default %s.%s is not the operator's", section, key)
			}
		}
	}
}
