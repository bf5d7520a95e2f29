// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"encoding/json"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine/catalogue"
)

// Validate finds a version that the engine does not know, and in spec.config
// what mongod would refuse or what the operator owns. Whether a version may
// follow another is Upgrade's to say, since it depends on what runs.
func (Engine) Validate(_, now *v1alpha1.Datastore) field.ErrorList {
	spec := field.NewPath("spec")
	var errs field.ErrorList
	version := release(now.Spec.Version)
	if version == "" {
		errs = append(errs, field.Invalid(spec.Child("version"), now.Spec.Version,
			"write a release of MongoDB, such as 8.0, or a patch version of it, such as 8.0.4; this version of the operator knows the releases "+strings.Join(releases, " and ")))
	}
	config, err := catalogue.UserSettings(now.Spec.Config)
	if err != nil {
		return append(errs, field.Invalid(spec.Child("config"), field.OmitValueType{}, "it must be an object of MongoDB's settings"))
	}
	check := catalogue.Check{Catalogue: settings, Server: "MongoDB", Releases: releases, Release: version, Also: checkValue}
	return append(errs, check.Values(spec.Child("config"), config)...)
}

// oneOf are the settings that have a few values only.
var oneOf = map[string][]string{
	"operationProfiling.mode":                             {"off", "slowOp", "all"},
	"storage.wiredTiger.collectionConfig.blockCompressor": {"none", "snappy", "zlib", "zstd"},
	"storage.wiredTiger.engineConfig.journalCompressor":   {"none", "snappy", "zlib", "zstd"},
	"systemLog.timeStampFormat":                           {"iso8601-utc", "iso8601-local"},
}

// bounds are the lowest and highest values of settings with which mongod would
// otherwise not start.
var bounds = map[string][2]float64{
	"replication.oplogSizeMB":                     {990, 1 << 31},
	"storage.journal.commitIntervalMs":            {1, 500},
	"storage.wiredTiger.engineConfig.cacheSizeGB": {0.25, 10000},
	"operationProfiling.slowOpSampleRate":         {0, 1},
	"systemLog.verbosity":                         {0, 5},
}

// checkValue returns what is wrong with the value of a known setting, beyond its
// kind.
func checkValue(path string, value any) string {
	if words := oneOf[path]; words != nil && !slices.Contains(words, value.(string)) {
		return "it must be one of " + strings.Join(words, ", ")
	}
	limit, bounded := bounds[path]
	if !bounded {
		return ""
	}
	number := value.(json.Number)
	if n, err := number.Float64(); err != nil || n < limit[0] || n > limit[1] {
		return "it must be between " + text(limit[0]) + " and " + text(limit[1])
	}
	return ""
}
