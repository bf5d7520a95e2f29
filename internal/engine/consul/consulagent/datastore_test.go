// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consulagent

import (
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"github.com/quorate/quorate/api/v1alpha1"
)

// datastore returns a Consul of the newest release with the given settings.
func datastore(config string) *v1alpha1.Datastore {
	d := &v1alpha1.Datastore{}
	d.Name = "db"
	d.Spec.Engine, d.Spec.Version = v1alpha1.EngineConsul, "1.22.3"
	if config != "" {
		d.Spec.Config = &apiextensionsv1.JSON{Raw: []byte(config)}
	}
	return d
}
