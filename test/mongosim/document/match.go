// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package document

import (
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/test/mongosim/code"
)

// Match reports whether the document fits the filter. An operator that is not known is an error, so that a test never
// takes a filter that was ignored for one that was applied.
func Match(doc, filter bson.Raw) (bool, error) {
	elements, err := filter.Elements()
	if err != nil {
		return false, code.Errorf(code.BadValue, "reading a filter: %v", err)
	}
	for _, e := range elements {
		ok, err := matchElement(doc, e.Key(), e.Value())
		if err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

func matchElement(doc bson.Raw, key string, want bson.RawValue) (bool, error) {
	switch {
	case key == "$and" || key == "$or":
		return matchList(doc, key == "$and", want)
	case key == "$comment":
		return true, nil
	case strings.HasPrefix(key, "$"):
		return false, code.Errorf(code.BadValue, "unknown top level operator: %s", key)
	}
	have := Lookup(doc, key)
	if operators, ok := operators(want); ok {
		for _, op := range operators {
			ok, err := apply(op.Key(), have, op.Value())
			if err != nil || !ok {
				return false, err
			}
		}
		return true, nil
	}
	return Compare(have, want) == 0, nil
}

func matchList(doc bson.Raw, all bool, list bson.RawValue) (bool, error) {
	array, ok := list.ArrayOK()
	if !ok {
		return false, code.Errorf(code.BadValue, "$and and $or must be an array")
	}
	filters, err := array.Values()
	if err != nil {
		return false, code.Errorf(code.BadValue, "reading a filter: %v", err)
	}
	for _, f := range filters {
		filter, ok := f.DocumentOK()
		if !ok {
			return false, code.Errorf(code.BadValue, "$and and $or must hold documents")
		}
		ok, err := Match(doc, filter)
		if err != nil || ok != all {
			return ok, err
		}
	}
	return all, nil
}

// operators returns the elements of a value if it is a document of operators.
func operators(v bson.RawValue) ([]bson.RawElement, bool) {
	doc, ok := v.DocumentOK()
	if !ok {
		return nil, false
	}
	elements, err := doc.Elements()
	if err != nil || len(elements) == 0 || !strings.HasPrefix(elements[0].Key(), "$") {
		return nil, false
	}
	return elements, true
}

func apply(op string, have, want bson.RawValue) (bool, error) {
	comparable := kind(have) == kind(want) // $gt and the like never match another kind of value.
	switch op {
	case "$eq":
		return Compare(have, want) == 0, nil
	case "$ne":
		return Compare(have, want) != 0, nil
	case "$gt":
		return comparable && Compare(have, want) > 0, nil
	case "$gte":
		return comparable && Compare(have, want) >= 0, nil
	case "$lt":
		return comparable && Compare(have, want) < 0, nil
	case "$lte":
		return comparable && Compare(have, want) <= 0, nil
	case "$exists":
		return (have.Type != 0) == truth(want), nil
	case "$in":
		return in(have, want)
	}
	return false, code.Errorf(code.BadValue, "unknown operator: %s", op)
}

func in(have, want bson.RawValue) (bool, error) {
	array, ok := want.ArrayOK()
	if !ok {
		return false, code.Errorf(code.BadValue, "$in needs an array")
	}
	values, err := array.Values()
	if err != nil {
		return false, code.Errorf(code.BadValue, "reading a filter: %v", err)
	}
	for _, v := range values {
		if Compare(have, v) == 0 {
			return true, nil
		}
	}
	return false, nil
}

func truth(v bson.RawValue) bool {
	if b, ok := v.BooleanOK(); ok {
		return b
	}
	n, ok := v.AsInt64OK()
	return !ok || n != 0
}
