// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package catalogue

import (
	"bytes"
	"encoding/json"
	"fmt"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// Object is one level of a configuration file.
type Object = map[string]any

// UserSettings are those of spec.config.
func UserSettings(config *apiextensionsv1.JSON) (Object, error) {
	if config == nil || len(config.Raw) == 0 {
		return nil, nil
	}
	return Decode(config.Raw)
}

// Decode reads settings and keeps numbers as they were written.
func Decode(content []byte) (Object, error) {
	dec := json.NewDecoder(bytes.NewReader(content))
	dec.UseNumber()
	var out Object
	if err := dec.Decode(&out); err != nil {
		return nil, fmt.Errorf("reading the settings: %w", err)
	}
	return out, nil
}

// Merge lays over on base; objects are merged, all else is replaced. Base is
// changed and returned.
func Merge(base, over Object) Object {
	for key, value := range over {
		below, isBelow := base[key].(Object)
		above, isAbove := value.(Object)
		if isBelow && isAbove {
			base[key] = Merge(below, above)
			continue
		}
		base[key] = value
	}
	return base
}
