// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consul

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
)

var _ engine.VariableAdopter = Engine{}

// entrypointVariables are those that the image's entrypoint makes settings or flags of,
// with what to do instead. Ours are started past it, so that each would be lost, with
// or without spec.pod.env; and what is in one is not judged as a setting is.
var entrypointVariables = map[string]string{
	"CONSUL_LOCAL_CONFIG":     "put the settings that it holds into spec.config, and do without it",
	"CONSUL_BIND_INTERFACE":   "do without it, as ours are told their addresses by the operator",
	"CONSUL_CLIENT_INTERFACE": "do without it, as ours are told their addresses by the operator",
	"CONSUL_BIND":             "start the servers with the flags that it holds, and do without it",
	"CONSUL_CLIENT":           "start the servers with the flags that it holds, and do without it",
	"CONSUL_DATA_DIR":         "do without it, with the data at " + dataDir + ", which is the image's own",
	"CONSUL_CONFIG_DIR":       "start the servers with -config-dir instead, and do without it",
	"CONSUL_UID":              "give the files on the volumes to the user of ours, and do without it",
	"CONSUL_GID":              "give the files on the volumes to the group of ours, and do without it",
}

// Variable implements engine.VariableAdopter.
func (Engine) Variable(_ *v1alpha1.Datastore, server corev1.Container, name string) (why string, known bool) {
	remedy, known := entrypointVariables[name]
	if !known || !byEntrypoint(server) {
		return "", false
	}
	return fmt.Sprintf("its environment has %s, of which the image's entrypoint makes a part of how its servers are started, and ours are started past that: %s", name, remedy), true
}
