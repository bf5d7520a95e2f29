// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package document is what the double understands of queries: equality, the comparing operators and $in on fields and
// dotted paths through documents (not through arrays), updates by $set, $unset, $inc or replacement, and an order of
// values. It is pure. There are no indexes, no collations, no projections and no aggregation.
package document

import (
	"bytes"
	"cmp"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Compare orders two values as the server does: by kind first, then by value. Numbers are one kind. Values of kinds
// that are not known here compare by their bytes.
func Compare(a, b bson.RawValue) int {
	if byKind := cmp.Compare(kind(a), kind(b)); byKind != 0 {
		return byKind
	}
	switch {
	case a.IsNumber():
		return compareNumbers(a, b)
	case a.Type == bson.TypeString && b.Type == bson.TypeString:
		return strings.Compare(a.StringValue(), b.StringValue())
	case a.Type == bson.TypeDateTime && b.Type == bson.TypeDateTime:
		return cmp.Compare(a.DateTime(), b.DateTime())
	case a.Type == bson.TypeTimestamp && b.Type == bson.TypeTimestamp:
		at, ai := a.Timestamp()
		bt, bi := b.Timestamp()
		return cmp.Or(cmp.Compare(at, bt), cmp.Compare(ai, bi))
	}
	return bytes.Compare(a.Value, b.Value)
}

func compareNumbers(a, b bson.RawValue) int {
	x, exactA := a.AsInt64OK()
	y, exactB := b.AsInt64OK()
	if exactA && exactB && a.Type != bson.TypeDouble && b.Type != bson.TypeDouble {
		return cmp.Compare(x, y)
	}
	f, _ := a.AsFloat64OK()
	g, _ := b.AsFloat64OK()
	return cmp.Compare(f, g)
}

// kind is the place of a value's type in the order of types.
func kind(v bson.RawValue) int {
	switch v.Type {
	case 0, bson.TypeNull, bson.TypeUndefined:
		return 1 // what is missing counts as null.
	case bson.TypeInt32, bson.TypeInt64, bson.TypeDouble, bson.TypeDecimal128:
		return 2
	case bson.TypeString, bson.TypeSymbol:
		return 3
	case bson.TypeEmbeddedDocument:
		return 4
	case bson.TypeArray:
		return 5
	case bson.TypeBinary:
		return 6
	case bson.TypeObjectID:
		return 7
	case bson.TypeBoolean:
		return 8
	case bson.TypeDateTime:
		return 9
	case bson.TypeTimestamp:
		return 10
	}
	return 11
}

// Lookup returns the value at a dotted path, or an empty value.
func Lookup(doc bson.Raw, path string) bson.RawValue {
	value, err := doc.LookupErr(strings.Split(path, ".")...)
	if err != nil {
		return bson.RawValue{}
	}
	return value
}
