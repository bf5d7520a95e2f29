// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consul

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/quorate/quorate/api/v1alpha1"
)

// releases are the minor releases that the engine was tried with, the oldest
// first.
var releases = []string{"1.21", "1.22"}

var (
	versionForm    = regexp.MustCompile(`^(\d+\.\d+)\.\d+(-[0-9A-Za-z.]+)?$`)
	datacenterForm = regexp.MustCompile(`^[a-z0-9_-]+$`)
	logLevels      = []string{"TRACE", "DEBUG", "INFO", "WARN", "ERR", "ERROR"}
)

// Validate finds a version that the engine does not know, a datacenter that
// Consul would refuse, and in spec.config what Consul would refuse or what the
// operator owns. Even sizes are legal, if wasteful. Whether a version may
// follow another is Upgrade's to say, since it depends on what runs.
func (Engine) Validate(_, now *v1alpha1.Datastore) field.ErrorList {
	spec := field.NewPath("spec")
	release, errs := validateVersion(spec.Child("version"), now.Spec.Version)
	if dc := now.ConsulSettings().Datacenter; !datacenterForm.MatchString(dc) {
		errs = append(errs, field.Invalid(spec.Child("consul", "datacenter"), dc,
			"use lower-case letters, digits, '-' and '_' only"))
	}
	config, err := userSettings(now.Spec.Config)
	if err != nil {
		return append(errs, field.Invalid(spec.Child("config"), field.OmitValueType{}, "it must be an object of Consul's settings"))
	}
	v := validator{release: release}
	v.object(spec.Child("config"), "", config)
	return append(errs, v.errs...)
}

// validateVersion returns the minor release, empty if it is not known.
func validateVersion(path *field.Path, version string) (string, field.ErrorList) {
	parts := versionForm.FindStringSubmatch(version)
	if parts == nil {
		return "", field.ErrorList{field.Invalid(path, version, "write the full version of Consul's community edition, such as 1.22.3")}
	}
	if !slices.Contains(releases, parts[1]) {
		return "", field.ErrorList{field.Invalid(path, version,
			"this version of the operator knows the releases "+strings.Join(releases, " and ")+" of Consul; use one of these")}
	}
	return parts[1], nil
}

// validator walks spec.config.
type validator struct {
	release string
	errs    field.ErrorList
}

func (v *validator) object(at *field.Path, prefix string, values object) {
	for _, key := range slices.Sorted(maps.Keys(values)) {
		path := key
		if prefix != "" {
			path = prefix + "." + key
		}
		v.value(at.Child(key), path, values[key])
	}
}

// value checks one setting: owned, a section, known, or not known at all.
func (v *validator) value(at *field.Path, path string, value any) {
	known, isKnown := settings.known[path]
	remedy, isOwned := settings.owned[path]
	section, isObject := value.(object)
	switch {
	case isOwned:
		v.errs = append(v.errs, field.Forbidden(at, remedy))
	case isKnown:
		if since := known.since; since != "" && v.release != "" && slices.Index(releases, v.release) < slices.Index(releases, since) {
			v.errs = append(v.errs, field.Invalid(at, field.OmitValueType{}, "Consul has this setting since "+since+"; remove it or raise spec.version"))
			return
		}
		if problem := checkValue(known, value); problem != "" {
			v.errs = append(v.errs, field.Invalid(at, value, problem))
		}
	case settings.sections[path] && isObject:
		v.object(at, path, section)
	case settings.sections[path]:
		v.errs = append(v.errs, field.Invalid(at, value, "it must be an object of settings"))
	default:
		v.errs = append(v.errs, field.Invalid(at, field.OmitValueType{},
			"Consul has no setting of this name and would not start; remove it"+settings.suggest(path)))
	}
}

// checkValue returns what is wrong with the value of a known setting.
func checkValue(s setting, value any) string {
	if !kinds[s.kind].is(value) {
		return "it must be " + kinds[s.kind].words
	}
	switch s.path {
	case "performance.raft_multiplier":
		if n, err := value.(json.Number).Int64(); err != nil || n < 1 || n > 10 {
			return "it must be between 1 and 10"
		}
	case "log_level":
		if !slices.Contains(logLevels, strings.ToUpper(value.(string))) {
			return "it must be one of " + strings.Join(logLevels, ", ")
		}
	case "acl.default_policy":
		if policy := value.(string); policy != "deny" && policy != "allow" {
			return "it must be deny or allow"
		}
	}
	return ""
}

// kinds are the forms of values that Consul accepts, and what to call them.
var kinds = map[string]struct {
	words string
	is    func(any) bool
}{
	"boolean":   {"true or false, without quotes", isA[bool]},
	"string":    {"a text in quotes", isA[string]},
	"object":    {"an object", isA[object]},
	"list":      {"a list", isA[[]any]},
	"number":    {"a number, without quotes", isA[json.Number]},
	"integer":   {"a whole number, without quotes", isInteger},
	"duration":  {`a duration in quotes, such as "10s" or "1h30m"`, isDuration},
	"strings":   {"a list of texts in quotes", isListOf[string]},
	"stringmap": {"an object of texts in quotes", isMapOf[string]},
}

func isA[T any](value any) bool {
	_, ok := value.(T)
	return ok
}

func isInteger(value any) bool {
	number, ok := value.(json.Number)
	if !ok {
		return false
	}
	_, err := number.Int64()
	return err == nil
}

func isDuration(value any) bool {
	text, ok := value.(string)
	if !ok {
		return false
	}
	_, err := time.ParseDuration(text)
	return err == nil
}

func isListOf[T any](value any) bool {
	list, ok := value.([]any)
	return ok && !slices.ContainsFunc(list, func(item any) bool { return !isA[T](item) })
}

func isMapOf[T any](value any) bool {
	m, ok := value.(object)
	if !ok {
		return false
	}
	for _, item := range m {
		if !isA[T](item) {
			return false
		}
	}
	return true
}
