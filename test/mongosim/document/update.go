// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package document

import (
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/test/mongosim/code"
)

// Update returns the document as the update leaves it. The identity never changes.
func Update(doc, update bson.Raw, inserting bool) (bson.Raw, error) {
	elements, err := update.Elements()
	if err != nil {
		return nil, code.Errorf(code.FailedToParse, "reading an update: %v", err)
	}
	if len(elements) == 0 || !strings.HasPrefix(elements[0].Key(), "$") {
		return replace(doc, update)
	}
	var content bson.D
	if err := bson.Unmarshal(doc, &content); err != nil {
		return nil, code.Errorf(code.BadValue, "reading a document: %v", err)
	}
	for _, e := range elements {
		if content, err = operate(content, e, inserting); err != nil {
			return nil, err
		}
	}
	out, err := marshal(content)
	if err != nil {
		return nil, err
	}
	if before := doc.Lookup("_id"); before.Type != 0 && Compare(before, out.Lookup("_id")) != 0 {
		return nil, code.Errorf(66, "performing an update on the path '_id' would modify the immutable field '_id'")
	}
	return out, nil
}

func operate(content bson.D, e bson.RawElement, inserting bool) (bson.D, error) {
	var fields bson.D
	if err := e.Value().Unmarshal(&fields); err != nil {
		return nil, code.Errorf(code.FailedToParse, "reading %s: %v", e.Key(), err)
	}
	for _, f := range fields {
		path := strings.Split(f.Key, ".")
		switch e.Key() {
		case "$set":
			content = set(content, path, f.Value)
		case "$setOnInsert":
			if inserting {
				content = set(content, path, f.Value)
			}
		case "$unset":
			content = unset(content, path)
		case "$inc":
			sum, err := add(get(content, path), f.Value)
			if err != nil {
				return nil, err
			}
			content = set(content, path, sum)
		default:
			return nil, code.Errorf(code.FailedToParse, "unknown modifier: %s", e.Key())
		}
	}
	return content, nil
}

// replace keeps the identity and takes all else from the replacement.
func replace(doc, with bson.Raw) (bson.Raw, error) {
	var content bson.D
	if err := bson.Unmarshal(with, &content); err != nil {
		return nil, code.Errorf(code.FailedToParse, "reading a replacement: %v", err)
	}
	id := doc.Lookup("_id")
	if id.Type == 0 {
		return marshal(content)
	}
	if given := with.Lookup("_id"); given.Type != 0 && Compare(given, id) != 0 {
		return nil, code.Errorf(66, "the _id field cannot be changed by a replacement")
	}
	out := bson.D{{Key: "_id", Value: id}}
	for _, e := range content {
		if e.Key != "_id" {
			out = append(out, e)
		}
	}
	return marshal(out)
}

// FromFilter is the document that an upsert starts from: the filter's equalities.
func FromFilter(filter bson.Raw) (bson.Raw, error) {
	elements, err := filter.Elements()
	if err != nil {
		return nil, code.Errorf(code.BadValue, "reading a filter: %v", err)
	}
	out := bson.D{}
	for _, e := range elements {
		value := e.Value()
		if ops, ok := operators(value); ok {
			if ops[0].Key() != "$eq" {
				continue
			}
			value = ops[0].Value()
		}
		if !strings.HasPrefix(e.Key(), "$") {
			out = set(out, strings.Split(e.Key(), "."), value)
		}
	}
	return marshal(out)
}

func get(content bson.D, path []string) any {
	for _, e := range content {
		if e.Key != path[0] {
			continue
		}
		if len(path) == 1 {
			return e.Value
		}
		if inner, ok := e.Value.(bson.D); ok {
			return get(inner, path[1:])
		}
	}
	return nil
}

func set(content bson.D, path []string, value any) bson.D {
	for i, e := range content {
		if e.Key != path[0] {
			continue
		}
		if len(path) > 1 {
			inner, _ := e.Value.(bson.D)
			value = set(inner, path[1:], value)
		}
		content[i].Value = value
		return content
	}
	if len(path) > 1 {
		value = set(nil, path[1:], value)
	}
	return append(content, bson.E{Key: path[0], Value: value})
}

func unset(content bson.D, path []string) bson.D {
	for i, e := range content {
		if e.Key != path[0] {
			continue
		}
		if len(path) == 1 {
			return append(content[:i:i], content[i+1:]...)
		}
		if inner, ok := e.Value.(bson.D); ok {
			content[i].Value = unset(inner, path[1:])
		}
	}
	return content
}

// add sums as $inc does: what is missing counts as nothing, and the wider type wins.
func add(have, by any) (any, error) {
	switch have := have.(type) {
	case nil:
		return by, nil
	case int32:
		switch by := by.(type) {
		case int32:
			if sum := int64(have) + int64(by); int64(int32(sum)) != sum {
				return sum, nil
			}
			return have + by, nil
		case int64:
			return int64(have) + by, nil
		case float64:
			return float64(have) + by, nil
		}
	case int64:
		switch by := by.(type) {
		case int32:
			return have + int64(by), nil
		case int64:
			return have + by, nil
		case float64:
			return float64(have) + by, nil
		}
	case float64:
		switch by := by.(type) {
		case int32:
			return have + float64(by), nil
		case int64:
			return have + float64(by), nil
		case float64:
			return have + by, nil
		}
	}
	return nil, code.Errorf(code.TypeMismatch, "cannot apply $inc to a value that is no number")
}

func marshal(content bson.D) (bson.Raw, error) {
	out, err := bson.Marshal(content)
	if err != nil {
		return nil, code.Errorf(code.BadValue, "writing a document: %v", err)
	}
	return out, nil
}
