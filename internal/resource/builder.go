// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/layout"
)

// Input is all that the children of one Datastore follow from.
type Input struct {
	Datastore *v1alpha1.Datastore
	Engine    engine.Engine
	// ClusterID is the identity in the ledger.
	ClusterID string
	// Replicas is the size that the planner decided on, not the user's.
	Replicas int32
	// Members is how many ordinals have a Service of their own, with a pod or
	// without: those of a stopped set keep theirs. Never less than Replicas.
	Members int32
	// ServerImage is the one recorded in the ledger, or the user's.
	ServerImage string
	// AgentImage is that of this operator.
	AgentImage string
	// ClusterDomain ends the names of Services; empty leaves it out, and
	// resolvers add it.
	ClusterDomain string
	// OperatorNamespace is the one from which the agents are called.
	OperatorNamespace string
	// Addresses are the members' stable addresses as far as they are known, by
	// member name.
	Addresses map[string]string
	// Proven is true where every member runs the template as it was last
	// written, and is healthy with it. When another one is written, it is then
	// remembered as the last good one, which can be put back.
	Proven bool
}

// Builder renders the children of one Datastore.
type Builder struct {
	in       Input
	d        *v1alpha1.Datastore
	traits   engine.Traits
	template engine.ServerTemplate
	layout   layout.Layout
	// given is the template to be put back in place of the rendered one.
	given *corev1.PodTemplateSpec
}

// New returns a Builder. It keeps the input, which must not be changed.
func New(in Input) Builder {
	return Builder{
		in: in, d: in.Datastore, traits: in.Engine.Traits(), template: in.Engine.Template(in.Datastore),
		layout: LayoutOf(in.Datastore, in.Engine),
	}
}

// Observed are the children that the next ones follow from; nil where there is
// none.
type Observed struct {
	// StatefulSet is the one that leads where there are several: the first that is
	// there. They are written in their order, so that it has what was written last.
	StatefulSet *appsv1.StatefulSet
	Config      *corev1.ConfigMap
}

// Children returns the children that the Datastore controls, in the order in
// which they are to be applied: first what gives addresses, last the
// StatefulSets, whose pods need all others. The connection Secret is not among
// them, since it needs credentials (see Connection), nor is the disruption
// budget (see DisruptionBudget), nor are ledger and credentials, which are not
// the Datastore's alone.
//
// With writeTemplate false, template and shared files stay as they were last
// written, whatever the specification says now. See also PutBack.
func (b Builder) Children(have Observed, writeTemplate bool) []client.Object {
	var out []client.Object
	for _, s := range b.Services() {
		out = append(out, s)
	}
	out = append(out, b.Config(have, writeTemplate), b.NetworkPolicy())
	if ingress := b.Ingress(); ingress != nil {
		out = append(out, ingress)
	}
	for _, s := range b.StatefulSets(have.StatefulSet, writeTemplate) {
		out = append(out, s)
	}
	return out
}

// Unwanted returns, by kind, namespace and name only, the children that a
// former specification asked for and that this one does not. Services of
// members past the last ordinal are not among them: the planner knows when
// these are nobody's.
func (b Builder) Unwanted() []client.Object {
	if b.Ingress() != nil {
		return nil
	}
	return []client.Object{b.bareIngress()}
}

// meta is that of a child which the Datastore controls.
func (b Builder) meta(name, component string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Name:            name,
		Namespace:       b.d.Namespace,
		Labels:          commonLabels(b.d, component),
		OwnerReferences: []metav1.OwnerReference{controllerReference(b.d)},
	}
}

// host returns the name of a Service as a pod of any namespace resolves it.
func (b Builder) host(service string) string {
	host := fmt.Sprintf("%s.%s.svc", service, b.d.Namespace)
	if b.in.ClusterDomain != "" {
		host += "." + b.in.ClusterDomain
	}
	return host
}
