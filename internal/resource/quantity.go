// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"fmt"
	"math/big"

	apiresource "k8s.io/apimachinery/pkg/api/resource"
)

// quantityFields hold a quantity; quantityMaps hold one under every key.
var (
	quantityFields = map[string]bool{"sizeLimit": true, "divisor": true}
	quantityMaps   = map[string]bool{"limits": true, "requests": true}
)

// canonical returns a JSON tree in which quantities that are equal are written
// alike; field is the name under which the tree is found. The tree is not
// changed.
func canonical(tree any, field string) any {
	switch t := tree.(type) {
	case map[string]any:
		out := make(map[string]any, len(t))
		for key, value := range t {
			if quantityMaps[field] || quantityFields[key] {
				out[key] = quantityText(value)
				continue
			}
			out[key] = canonical(value, key)
		}
		return out
	case []any:
		out := make([]any, len(t))
		for i, value := range t {
			out[i] = canonical(value, "")
		}
		return out
	default:
		return tree
	}
}

// quantityText writes a quantity as an exact fraction. What is none stays as
// it is: a user's own map may have a key that is named like one of the fields.
func quantityText(value any) any {
	switch value.(type) {
	case string, int64, float64:
	default:
		return value
	}
	q, err := apiresource.ParseQuantity(fmt.Sprint(value))
	if err != nil {
		return value
	}
	exact, ok := new(big.Rat).SetString(q.AsDec().String())
	if !ok {
		return value
	}
	return exact.RatString()
}
