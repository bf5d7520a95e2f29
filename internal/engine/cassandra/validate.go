// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package cassandra

import (
	_ "embed"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine/catalogue"
)

//go:embed settings.txt
var settingsText string

var settings = catalogue.Parse(settingsText)

// Validate finds a version that the engine does not know, and in spec.config what
// Cassandra would refuse or what the operator owns.
func (Engine) Validate(_, now *v1alpha1.Datastore) field.ErrorList {
	spec := field.NewPath("spec")
	var errs field.ErrorList
	if !known(now.Spec.Version) {
		errs = append(errs, field.Invalid(spec.Child("version"), now.Spec.Version,
			"write a release of Cassandra, such as 5.0, or a patch version of it, such as 5.0.9; this version of the operator knows the release 5.0"))
	}
	config, err := catalogue.UserSettings(now.Spec.Config)
	if err != nil {
		return append(errs, field.Invalid(spec.Child("config"), field.OmitValueType{}, "it must be an object of Cassandra's settings"))
	}
	check := catalogue.Check{Catalogue: settings, Server: "Cassandra"}
	return append(errs, check.Values(spec.Child("config"), config)...)
}
