// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consul

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine/catalogue"
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
// Consul would refuse, an adoption of a set that does not let everybody in, and in spec.config what Consul would refuse or what the
// operator owns. Even sizes are legal, if wasteful. Whether a version may
// follow another is Upgrade's to say, since it depends on what runs.
func (Engine) Validate(_, now *v1alpha1.Datastore) field.ErrorList {
	spec := field.NewPath("spec")
	release, errs := validateVersion(spec.Child("version"), now.Spec.Version)
	if dc := now.ConsulSettings().Datacenter; !datacenterForm.MatchString(dc) {
		errs = append(errs, field.Invalid(spec.Child("consul", "datacenter"), dc,
			"use lower-case letters, digits, '-' and '_' only"))
	}
	if a := now.Spec.Adopt; a != nil && !letsAllIn(now) {
		errs = append(errs, field.Invalid(spec.Child("adopt", "authentication"), a.Authentication, "a set with access control, encryption or TLS cannot be adopted yet: it must be None"))
	}
	config, err := catalogue.UserSettings(now.Spec.Config)
	if err != nil {
		return append(errs, field.Invalid(spec.Child("config"), field.OmitValueType{}, "it must be an object of Consul's settings"))
	}
	if _, has := config["acl"]; has && letsAllIn(now) {
		errs = append(errs, field.Forbidden(spec.Child("config", "acl"), "the set that is adopted has no access control, and stays without; remove it"))
	}
	check := catalogue.Check{Catalogue: settings, Server: "Consul", Releases: releases, Release: release, Also: checkValue}
	return append(errs, check.Values(spec.Child("config"), config)...)
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

// checkValue returns what is wrong with the value of a known setting, beyond its
// kind.
func checkValue(path string, value any) string {
	switch path {
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
