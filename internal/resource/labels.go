// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"maps"
	"strings"

	"k8s.io/apimachinery/pkg/labels"

	"github.com/quorate/quorate/api/v1alpha1"
)

// Labels and annotations that the operator owns.
const (
	// DatastoreLabel names the Datastore, on every child, pod and claim.
	DatastoreLabel = "quorate.dev/datastore"
	// ComponentLabel says what part of it an object is.
	ComponentLabel = "quorate.dev/component"
	// ClusterIDLabel bears the identity of the set, on what outlives the
	// Datastore: ledger, credentials and claims.
	ClusterIDLabel = "quorate.dev/cluster-id"

	// RackLabel names the rack, on a StatefulSet of one, and on its pods and claims.
	RackLabel = "quorate.dev/rack"

	// TemplateAnnotation, on a pod template and so on its pods, is the hash of
	// what they were rendered from; see Builder.TemplateHash.
	TemplateAnnotation = "quorate.dev/template"
	// ConfigAnnotation, on a pod template, is the hash of the shared files.
	ConfigAnnotation = "quorate.dev/config"
	// ReloadableAnnotation, on the ConfigMap of the configuration, names the
	// shared files in it that no template covers, separated by commas.
	ReloadableAnnotation = "quorate.dev/reloadable"
	// AppliedAnnotation, on a child, is the hash of what was last sent.
	AppliedAnnotation = "quorate.dev/applied"
	// EpochAnnotation, on the StatefulSet, is the epoch of the manager that may
	// change it.
	EpochAnnotation = "quorate.dev/epoch"
	// WrittenAnnotation, on the StatefulSet, is its template as it was last
	// written; see Builder.StatefulSet.
	WrittenAnnotation = "quorate.dev/written"
)

// Values of ComponentLabel.
const (
	ComponentServer      = "server"
	ComponentLedger      = "ledger"
	ComponentCredentials = "credentials"
	ComponentClient      = "client"
	ComponentConfig      = "config"
	ComponentConnection  = "connection"
	ComponentUI          = "ui"
)

// FieldOwner is the name under which the operator applies objects.
const FieldOwner = "quorate"

const (
	appName      = "app.kubernetes.io/name"
	appInstance  = "app.kubernetes.io/instance"
	appManagedBy = "app.kubernetes.io/managed-by"
)

// SelectorLabels are those that select the pods of a Datastore's members. A
// StatefulSet's selector cannot be changed, so they must never be.
func SelectorLabels(datastore string) map[string]string {
	return map[string]string{DatastoreLabel: datastore, ComponentLabel: ComponentServer}
}

// Selector returns the same as a string, for status.selector.
func Selector(datastore string) string {
	return labels.SelectorFromSet(SelectorLabels(datastore)).String()
}

// commonLabels are on every child. App.kubernetes.io/version is not among them:
// on the pods it would change the template without changing a server.
func commonLabels(d *v1alpha1.Datastore, component string) map[string]string {
	return map[string]string{
		DatastoreLabel: d.Name,
		ComponentLabel: component,
		appName:        strings.ToLower(string(d.Spec.Engine)),
		appInstance:    d.Name,
		appManagedBy:   FieldOwner,
	}
}

// merged lays one map over another; neither is changed.
func merged(base, over map[string]string) map[string]string {
	out := make(map[string]string, len(base)+len(over))
	maps.Copy(out, base)
	maps.Copy(out, over)
	return out
}
