// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"fmt"
	"path"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
)

var _ engine.VariableAdopter = Engine{}

// Variables of the image's entrypoint, which fills an empty volume by them.
const initVariables, rootVariables = "MONGO_INITDB_", "MONGO_INITDB_ROOT_"

// Variable implements engine.VariableAdopter. Those that fill an empty volume are nothing
// to one with data, and are often passwords, which nobody is told to copy. But for those
// of the administrator the entrypoint also turns authentication on, at every start.
func (Engine) Variable(d *v1alpha1.Datastore, server corev1.Container, name string) (why string, known bool) {
	switch {
	case !strings.HasPrefix(name, initVariables):
		return "", false
	case strings.HasPrefix(name, rootVariables) && letsAllIn(d) && (len(server.Command) == 0 || path.Base(server.Command[0]) == "docker-entrypoint.sh"):
		return fmt.Sprintf("its environment has %s, for which the image's entrypoint turns authentication on, and spec.adopt says that it has none: "+
			"do without it, or create the Datastore with spec.adopt.authentication KeyFile, and with spec.adopt.keyFile", name), true
	}
	return "", true
}
