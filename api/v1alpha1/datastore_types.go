// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Engine names the kind of server that a Datastore runs.
// +kubebuilder:validation:Enum=Consul
type Engine string

// EngineConsul is HashiCorp Consul, a cluster of Consul servers.
const EngineConsul Engine = "Consul"

// DefaultReplicas is the number of members where the user names none. The
// schema fills it in.
const DefaultReplicas int32 = 3

// MaxNameLength is the longest name a Datastore may have. It leaves room for
// the ordinal of a member, for the suffixes of the children, and for the
// revision label of a StatefulSet (name, dash and ten characters in at most 63).
const MaxNameLength = 45

// DatastoreSpec is what the user wants.
type DatastoreSpec struct {
	// engine is the kind of server to run. It cannot be changed afterwards.
	// +required
	Engine Engine `json:"engine"`

	// version is the version of the server, as its makers write it, such as
	// 1.22.3.
	// +kubebuilder:validation:MaxLength=32
	// +required
	Version string `json:"version"`

	// image is the container image of the server. If it is empty, it follows
	// from engine and version; the image in use is in status.image.
	// +kubebuilder:validation:MaxLength=512
	// +optional
	Image string `json:"image,omitempty"`

	// replicas is the number of members. An odd number is best: an even one
	// tolerates no more failures than the odd number below it.
	// +kubebuilder:default=3
	// +optional
	Replicas *int32 `json:"replicas,omitempty"`

	// paused stops the operator from changing anything of this Datastore. The
	// servers go on serving and the status is kept up to date.
	// +optional
	Paused bool `json:"paused,omitempty"`

	// storage describes the volume that each member keeps its data on.
	// +required
	Storage Storage `json:"storage"`

	// resources are the CPU and memory of the server container of each member.
	// +optional
	Resources Resources `json:"resources,omitempty,omitzero"`

	// config holds settings of the server itself, named and nested as in its
	// own configuration file. Settings that the operator must own, such as
	// addresses and membership, are refused with the condition Stalled.
	// +kubebuilder:validation:Type=object
	// +kubebuilder:pruning:PreserveUnknownFields
	// +optional
	Config *apiextensionsv1.JSON `json:"config,omitempty"`

	// pod adjusts the pods of the members: labels, scheduling, environment and
	// harmless volumes. It can grant nothing that a restricted Pod could not
	// have.
	// +optional
	Pod PodSpec `json:"pod,omitempty,omitzero"`

	// consul holds what only the engine Consul has.
	// +optional
	Consul *ConsulSpec `json:"consul,omitempty"`
}

// Storage describes the volume of each member.
type Storage struct {
	// size is the capacity of the volume of each member. It can be raised, and
	// never lowered.
	// +required
	Size resource.Quantity `json:"size"`

	// className is the StorageClass of the volumes. If it is absent, the
	// default class of the cluster is used. It cannot be changed afterwards.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	ClassName *string `json:"className,omitempty"`
}

// Resources are the compute resources of the server container.
type Resources struct {
	// limits is the most that the server may use, by resource name.
	// +kubebuilder:validation:MaxProperties=16
	// +optional
	Limits corev1.ResourceList `json:"limits,omitempty"`

	// requests is what is set aside for the server, by resource name. Where it
	// is absent, the limit is requested.
	// +kubebuilder:validation:MaxProperties=16
	// +optional
	Requests corev1.ResourceList `json:"requests,omitempty"`
}

// Requirements returns the resources in the form that a container takes. The
// maps are shared with r and must not be changed.
func (r Resources) Requirements() corev1.ResourceRequirements {
	return corev1.ResourceRequirements{Limits: r.Limits, Requests: r.Requests}
}

// Datastore is one replicated datastore: its members, the volumes they keep
// their data on, and the addresses that clients use.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:shortName=dstore
// +kubebuilder:subresource:status
// +kubebuilder:subresource:scale:specpath=.spec.replicas,statuspath=.status.replicas,selectorpath=.status.selector
// +kubebuilder:printcolumn:name="Engine",type=string,JSONPath=`.spec.engine`
// +kubebuilder:printcolumn:name="Version",type=string,JSONPath=`.spec.version`
// +kubebuilder:printcolumn:name="Desired",type=integer,JSONPath=`.spec.replicas`
// +kubebuilder:printcolumn:name="Ready",type=integer,JSONPath=`.status.readyReplicas`
// +kubebuilder:printcolumn:name="Tolerance",type=integer,JSONPath=`.status.faultTolerance`
// +kubebuilder:printcolumn:name="Status",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Plan",type=string,priority=1,JSONPath=`.status.plan.message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Datastore struct {
	metav1.TypeMeta `json:",inline"`

	// metadata is the standard metadata of an object.
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty,omitzero"`

	// spec is what the user wants.
	// +required
	Spec DatastoreSpec `json:"spec"`

	// status is what the operator found.
	// +optional
	Status DatastoreStatus `json:"status,omitempty,omitzero"`
}

// DesiredReplicas returns the number of members that the user wants, also for
// an object that never passed the schema's defaults.
func (d *Datastore) DesiredReplicas() int32 {
	if d.Spec.Replicas == nil {
		return DefaultReplicas
	}

	return *d.Spec.Replicas
}

// DatastoreList is a list of Datastores.
//
// +kubebuilder:object:root=true
type DatastoreList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty,omitzero"`

	// Items are the Datastores.
	Items []Datastore `json:"items"`
}
