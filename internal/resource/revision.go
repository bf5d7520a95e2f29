// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"encoding/json"
	"errors"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// revisionData is what the StatefulSet controller keeps in a revision: a patch
// that replaces the template as a whole.
type revisionData struct {
	Spec struct {
		Template struct {
			corev1.PodTemplateSpec `json:",inline"`

			Patch string `json:"$patch"`
		} `json:"template"`
	} `json:"spec"`
}

// TemplateOfRevision returns the pod template that a revision of a StatefulSet
// holds, as the API server had stored it. TemplateOf tells whose it is.
//
// It is for pods whose template is not in the record of the StatefulSet. To put
// back the last good one, LastGood is to be preferred: it is written together
// with its successor, and its shared files are kept.
func TemplateOfRevision(revision *appsv1.ControllerRevision) (*corev1.PodTemplateSpec, error) {
	var data revisionData
	if err := json.Unmarshal(revision.Data.Raw, &data); err != nil {
		return nil, fmt.Errorf("decode ControllerRevision %s: %w", revision.Name, err)
	}
	t := data.Spec.Template
	if t.Patch != "replace" || len(t.Spec.Containers) == 0 {
		return nil, fmt.Errorf("decode ControllerRevision %s: %w", revision.Name, errors.New("it holds no whole pod template"))
	}
	return &t.PodTemplateSpec, nil
}
