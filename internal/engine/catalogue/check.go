// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package catalogue

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Check is how spec.config is looked at.
type Check struct {
	Catalogue
	// Server is what the server is called.
	Server string
	// Releases are those that are known, the oldest first; Release is the wanted
	// one, empty where that is not known.
	Releases []string
	Release  string
	// Also says what else is wrong with a value of the right kind; it may be nil.
	Also func(path string, value any) string
}

// Values finds in settings what the server would refuse, and what the operator
// owns.
func (c Check) Values(at *field.Path, values Object) field.ErrorList {
	return c.object(at, "", values)
}

func (c Check) object(at *field.Path, prefix string, values Object) (errs field.ErrorList) {
	for _, key := range slices.Sorted(maps.Keys(values)) {
		path := key
		if prefix != "" {
			path = prefix + "." + key
		}
		errs = append(errs, c.value(at.Child(key), path, values[key])...)
	}
	return errs
}

// value checks one setting: owned, known, a section, or not known at all. A
// section of kind scalars has any names, of which some may be owned.
func (c Check) value(at *field.Path, path string, value any) field.ErrorList {
	known, isKnown := c.Known[path]
	remedy, isOwned := c.Owned[path]
	section, isObject := value.(Object)
	switch {
	case isOwned:
		return field.ErrorList{field.Forbidden(at, remedy)}
	case isKnown:
		return append(c.known(at, known, value), c.ownedWithin(at, path, section)...)
	case c.Sections[path] && isObject:
		return c.object(at, path, section)
	case c.Sections[path]:
		return field.ErrorList{field.Invalid(at, value, "it must be an object of settings")}
	default:
		return field.ErrorList{field.Invalid(at, field.OmitValueType{},
			c.Server+" has no setting of this name and would not start; remove it"+c.suggest(path))}
	}
}

func (c Check) known(at *field.Path, s Setting, value any) field.ErrorList {
	if s.Since != "" && c.Release != "" && slices.Index(c.Releases, c.Release) < slices.Index(c.Releases, s.Since) {
		return field.ErrorList{field.Invalid(at, field.OmitValueType{}, c.Server+" has this setting since "+s.Since+"; remove it or raise spec.version")}
	}
	if !Kinds[s.Kind].Is(value) {
		return field.ErrorList{field.Invalid(at, value, "it must be "+Kinds[s.Kind].Words)}
	}
	if c.Also == nil {
		return nil
	}
	if problem := c.Also(s.Path, value); problem != "" {
		return field.ErrorList{field.Invalid(at, value, problem)}
	}
	return nil
}

// ownedWithin finds what is owned in a known object whose names are open.
func (c Check) ownedWithin(at *field.Path, path string, section Object) (errs field.ErrorList) {
	for _, key := range slices.Sorted(maps.Keys(section)) {
		if remedy, isOwned := c.Owned[path+"."+key]; isOwned {
			errs = append(errs, field.Forbidden(at.Child(key), remedy))
		}
	}
	return errs
}

// Kinds are the forms of values, and what to call them.
var Kinds = map[string]struct {
	Words string
	Is    func(any) bool
}{
	"boolean":   {"true or false, without quotes", isA[bool]},
	"string":    {"a text in quotes", isA[string]},
	"object":    {"an object", isA[Object]},
	"list":      {"a list", isA[[]any]},
	"number":    {"a number, without quotes", isA[json.Number]},
	"integer":   {"a whole number, without quotes", isInteger},
	"duration":  {`a duration in quotes, such as "10s" or "1h30m"`, isDuration},
	"strings":   {"a list of texts in quotes", isListOf[string]},
	"stringmap": {"an object of texts in quotes", isMapOf[string]},
	"scalars":   {"an object of texts, numbers and truth values", isMapOfScalars},
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
	m, ok := value.(Object)
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

func isMapOfScalars(value any) bool {
	m, ok := value.(Object)
	if !ok {
		return false
	}
	for _, item := range m {
		if !isA[string](item) && !isA[bool](item) && !isA[json.Number](item) {
			return false
		}
	}
	return true
}
