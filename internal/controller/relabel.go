// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// relabelling is a patch of labels; nil takes one away. It is for the object of this UID,
// and is refused by one that was made in its place. It is refused as well where the
// object was changed since it had this version, if one is given.
func relabelling(uid types.UID, version string, changes map[string]*string) (client.Patch, error) {
	type metadata struct {
		UID             types.UID          `json:"uid"`
		ResourceVersion string             `json:"resourceVersion,omitempty"`
		Labels          map[string]*string `json:"labels"`
	}
	body, err := json.Marshal(map[string]metadata{"metadata": {UID: uid, ResourceVersion: version, Labels: changes}})
	if err != nil {
		return nil, fmt.Errorf("render labels: %w", err)
	}
	return client.RawPatch(types.MergePatchType, body), nil
}
