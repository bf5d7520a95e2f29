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
//
// +kubebuilder:validation:Enum=Consul;MongoDB;Cassandra
type Engine string

const (
	// EngineConsul is HashiCorp Consul, a cluster of Consul servers.
	EngineConsul Engine = "Consul"

	// EngineMongoDB is MongoDB, a replica set.
	EngineMongoDB Engine = "MongoDB"

	// EngineCassandra is Apache Cassandra, a ring of one rack.
	EngineCassandra Engine = "Cassandra"
)

// DefaultReplicas is the number of members where the user names none. The
// schema fills it in.
const DefaultReplicas int32 = 3

// MaxNameLength is the longest name a Datastore may have. It leaves room for
// the ordinal of a member, for the suffixes of the children, and for the
// revision label of a StatefulSet (name, dash and ten characters in at most 63).
const MaxNameLength = 45

// Disruption says whether planned work may interrupt the service.
//
// +kubebuilder:validation:Enum=Protect;AllowDowntime
type Disruption string

const (
	// DisruptionProtect lets no planned work take the majority away. It is the
	// default.
	DisruptionProtect Disruption = "Protect"

	// DisruptionAllowDowntime lets planned work interrupt a set that has no
	// member to spare.
	DisruptionAllowDowntime Disruption = "AllowDowntime"
)

// DatastoreSpec is what the user wants.
//
// +kubebuilder:validation:XValidation:rule="self.engine != 'Consul' || self.replicas <= 9",fieldPath=".replicas",message="replicas must be 9 or less for engine Consul: every server votes on every write; 3 or 5 suit most"
// +kubebuilder:validation:XValidation:rule="self.engine != 'MongoDB' || self.replicas <= 50",fieldPath=".replicas",message="replicas must be 50 or less for engine MongoDB: a replica set cannot have more members; 3 or 5 suit most"
// +kubebuilder:validation:XValidation:rule="self.engine != 'Cassandra' || self.replicas <= 50",fieldPath=".replicas",message="replicas must be 50 or less for engine Cassandra: no larger ring has been tried"
// +kubebuilder:validation:XValidation:rule="self.engine != 'Cassandra' || self.version.matches('^5[.]0([.][0-9]+)?$')",fieldPath=".version",message="version must be 5.0, or a patch version of it such as 5.0.9, for engine Cassandra"
// +kubebuilder:validation:XValidation:rule="self.engine != 'Consul' || self.version.matches('^[0-9]+[.][0-9]+[.][0-9]+(-[0-9A-Za-z][0-9A-Za-z.-]*)?$')",fieldPath=".version",message="version must have three numbers, such as 1.22.3, and no leading v"
// +kubebuilder:validation:XValidation:rule="(has(self.consul) && has(self.consul.datacenter) ? self.consul.datacenter : 'dc1') == (has(oldSelf.consul) && has(oldSelf.consul.datacenter) ? oldSelf.consul.datacenter : 'dc1')",fieldPath=".consul",message="consul.datacenter cannot be changed, and is dc1 where it is absent: put back the former value, or create another Datastore and copy the data"
// +kubebuilder:validation:XValidation:rule="(has(self.cassandra) && has(self.cassandra.datacenter) ? self.cassandra.datacenter : 'dc1') == (has(oldSelf.cassandra) && has(oldSelf.cassandra.datacenter) ? oldSelf.cassandra.datacenter : 'dc1')",fieldPath=".cassandra",message="cassandra.datacenter cannot be changed, and is dc1 where it is absent: put back the former value, or create another Datastore and copy the data"
// +kubebuilder:validation:XValidation:rule="(has(self.cassandra) && has(self.cassandra.clusterName) ? self.cassandra.clusterName : \"\") == (has(oldSelf.cassandra) && has(oldSelf.cassandra.clusterName) ? oldSelf.cassandra.clusterName : \"\")",fieldPath=".cassandra",message="cassandra.clusterName cannot be set, changed or removed after creation: put back the former value, or create another Datastore and copy the data"
// +kubebuilder:validation:XValidation:rule="(has(self.cassandra) && has(self.cassandra.numTokens) ? self.cassandra.numTokens : 16) == (has(oldSelf.cassandra) && has(oldSelf.cassandra.numTokens) ? oldSelf.cassandra.numTokens : 16)",fieldPath=".cassandra",message="cassandra.numTokens cannot be changed, and is 16 where it is absent: put back the former value, or create another Datastore and copy the data"
// +kubebuilder:validation:XValidation:rule="(has(self.cassandra) && has(self.cassandra.racks)) == (has(oldSelf.cassandra) && has(oldSelf.cassandra.racks)) && (!has(self.cassandra) || !has(self.cassandra.racks) || self.cassandra.racks == oldSelf.cassandra.racks)",fieldPath=".cassandra",message="cassandra.racks cannot be set, changed or removed after creation: put back the former ones, or create another Datastore and copy the data"
// +kubebuilder:validation:XValidation:rule="!has(self.cassandra) || !has(self.cassandra.racks) || !has(self.pod) || !has(self.pod.nodeSelector) || !('topology.kubernetes.io/zone' in self.pod.nodeSelector)",fieldPath=".pod",message="pod.nodeSelector must not name topology.kubernetes.io/zone where there are racks, each of which has a zone of its own: remove it"
// +kubebuilder:validation:XValidation:rule="!has(self.cassandra) || self.engine == 'Cassandra'",fieldPath=".cassandra",message="cassandra is for engine Cassandra alone: remove it"
// +kubebuilder:validation:XValidation:rule="!has(self.mongodb) || self.engine == 'MongoDB'",fieldPath=".mongodb",message="mongodb is for engine MongoDB alone: remove it"
// +kubebuilder:validation:XValidation:rule="!has(self.adopt) || self.engine == 'MongoDB' || self.engine == 'Consul'",fieldPath=".adopt",message="adopt is there for engines Consul and MongoDB only: leave it out, and copy the data into a new Datastore"
// +kubebuilder:validation:XValidation:rule="!has(self.adopt) || (self.engine == 'MongoDB') == has(self.adopt.setName)",fieldPath=".adopt.setName",message="setName must be the name of the replica set with engine MongoDB, and be left out with any other"
// +kubebuilder:validation:XValidation:rule="!has(self.adopt) || self.adopt.authentication == 'None' || self.engine == 'MongoDB'",fieldPath=".adopt.authentication",message="authentication must be None with any engine but MongoDB: no other set is adopted with authentication"
// +kubebuilder:validation:XValidation:rule="!has(self.adopt) || self.adopt.authentication != 'None' || !has(self.mongodb) || !has(self.mongodb.users) || self.mongodb.users.size() == 0",fieldPath=".mongodb",message="mongodb.users need authentication, and a set that is adopted without any has none: remove them"
// +kubebuilder:validation:XValidation:rule="has(self.adopt) == has(oldSelf.adopt) && (!has(self.adopt) || self.adopt == oldSelf.adopt)",fieldPath=".adopt",message="adopt cannot be set, changed or removed after creation: put back the former value"
type DatastoreSpec struct {
	// engine is the kind of server to run. It cannot be changed afterwards.
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="engine cannot be changed: create another Datastore and copy the data"
	// +required
	Engine Engine `json:"engine"`

	// version is the version of the server, as its makers write it, such as
	// 1.22.3. For MongoDB and Cassandra it may be a release alone, such as 8.0; the
	// image then is whatever the registry has under that name.
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9]+[.][0-9]+([.][0-9]+)?(-[0-9A-Za-z][0-9A-Za-z.-]*)?$')",message="version must have two or three numbers, such as 1.22.3 or 8.0, and no leading v"
	// +kubebuilder:validation:MaxLength=32
	// +required
	Version string `json:"version"`

	// image is the container image of the server. If it is empty, it follows
	// from engine and version; the image in use is in status.image.
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9A-Za-z][0-9A-Za-z._:/@-]*)?$')",message="image must be an image reference, such as registry.example.com/consul:1.22.3; leave it out to follow engine and version"
	// +kubebuilder:validation:MaxLength=512
	// +optional
	Image string `json:"image,omitempty"`

	// replicas is the number of members. An odd number is best: an even one
	// tolerates no more failures than the odd number below it.
	// +kubebuilder:validation:XValidation:rule="self >= 1",message="replicas must be 1 or more: a Datastore cannot be scaled to nothing; to remove it, delete it, its claims stay"
	// +kubebuilder:default=3
	// +optional
	Replicas *int32 `json:"replicas,omitempty"`

	// stopped shuts all members down, one after the other and the leader last.
	// The volumes stay, with replicas, ledger and credentials. Nothing is served
	// until stopped is removed or set to false; the same members then start again
	// on their own data. It asks for the downtime, so disruption has no say in it.
	// A set that has not formed does not begin to.
	// +optional
	Stopped bool `json:"stopped,omitempty"`

	// paused stops the operator from changing anything of this Datastore. The
	// servers go on serving and the status is kept up to date. It comes before
	// all else: stopped waits while paused is true.
	// +optional
	Paused bool `json:"paused,omitempty"`

	// disruption says whether planned work may interrupt the service where a
	// majority cannot be kept, which is with one or two members. With Protect
	// such work is not done: a changed template, configuration or version waits,
	// and status says what for. With AllowDowntime it is done, one member at a
	// time, and clients cannot write until that member is back. With three or
	// more members planned work never takes the majority, whatever stands here.
	// +kubebuilder:default=Protect
	// +optional
	Disruption Disruption `json:"disruption,omitempty"`

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

	// mongodb holds what only the engine MongoDB has.
	// +optional
	MongoDB *MongoDBSpec `json:"mongodb,omitempty"`

	// cassandra holds what only the engine Cassandra has.
	// +optional
	Cassandra *CassandraSpec `json:"cassandra,omitempty"`

	// adopt has the operator take over a set that was made by hand, instead of
	// forming one. Nothing is changed until the owner of the StatefulSet and the
	// user have both agreed; status.plan says what would be done, or what is in
	// the way. It can be given at creation only.
	// +optional
	Adopt *Adopt `json:"adopt,omitempty"`
}

// Storage describes the volume of each member.
//
// +kubebuilder:validation:XValidation:rule="has(self.className) == has(oldSelf.className) && (!has(self.className) || self.className == oldSelf.className)",fieldPath=".className",message="className cannot be set, changed or removed after creation: put back the former value, or create another Datastore and copy the data"
type Storage struct {
	// size is the capacity of the volume of each member. It can be raised, and
	// never lowered.
	// +kubebuilder:validation:XValidation:rule="quantity(string(self)).isGreaterThan(quantity('0'))",message="size must be more than 0, such as 1Gi"
	// +kubebuilder:validation:XValidation:rule="quantity(string(self)).compareTo(quantity(string(oldSelf))) >= 0",messageExpression="'size cannot be lowered from ' + string(oldSelf) + ' to ' + string(self) + ': set it to ' + string(oldSelf) + ' or more'",message="size cannot be lowered: set it to the former size or more"
	// +required
	Size resource.Quantity `json:"size"`

	// className is the StorageClass of the volumes. If it is absent, the
	// default class of the cluster is used. It cannot be changed afterwards.
	// +kubebuilder:validation:XValidation:rule="self == '' || !format.dns1123Subdomain().validate(self).hasValue()",message="className must be the name of a StorageClass: lower-case letters, digits, dashes and dots"
	// +kubebuilder:validation:MaxLength=253
	// +optional
	ClassName *string `json:"className,omitempty"`

	// retention says which volumes the operator may delete. As it stands by
	// default, it deletes none. It can be changed at any time, and holds for
	// what happens from then on.
	// +kubebuilder:default={}
	// +optional
	Retention Retention `json:"retention,omitempty,omitzero"`
}

// RetentionPolicy says what becomes of a volume that is no longer used.
//
// +kubebuilder:validation:Enum=Retain;Delete
type RetentionPolicy string

const (
	// RetentionRetain keeps the claim, with the data. It is the default.
	RetentionRetain RetentionPolicy = "Retain"

	// RetentionDelete deletes the claim, and with it, as its StorageClass has
	// it, the data.
	RetentionDelete RetentionPolicy = "Delete"
)

// LostPolicy says what becomes of the claim of a member whose node is gone.
//
// +kubebuilder:validation:Enum=Ask;Delete
type LostPolicy string

const (
	// LostAsk keeps the claim until the user agrees to its deletion with
	// AnnotationApprove. It is the default.
	LostAsk LostPolicy = "Ask"

	// LostDelete deletes the claim, so that the member is replaced unasked.
	LostDelete LostPolicy = "Delete"
)

// Retention says which claims the operator may delete. Its zero value is not
// valid as stored, since the schema fills it in; see Datastore.StorageRetention.
type Retention struct {
	// whenDeleted says what becomes of the volumes when the Datastore is
	// deleted. With Retain they stay, and the same Datastore can be created
	// again over them. With Delete they go with it, and with them ledger and
	// credentials; change it back in time to keep them.
	// +kubebuilder:default=Retain
	// +optional
	WhenDeleted RetentionPolicy `json:"whenDeleted,omitempty"`

	// whenScaled says what becomes of the volume of a member that replicas no
	// longer asks for, once that member has left and its pod is gone. With
	// Retain it stays, and a member that is added later under the same name
	// starts afresh on it. With Delete it goes. Volumes of members that left
	// before this was set to Delete stay.
	// +kubebuilder:default=Retain
	// +optional
	WhenScaled RetentionPolicy `json:"whenScaled,omitempty"`

	// whenLost says what becomes of the volume of a member whose node is gone,
	// or is tainted as out of service, if that volume cannot be used on another
	// node. With Ask nothing is deleted until the user agrees with the
	// annotation that the status names. With Delete the claim is deleted and the
	// member replaced by an empty one, as long as the others have the majority.
	// A node that is only silent is not gone.
	// +kubebuilder:default=Ask
	// +optional
	WhenLost LostPolicy `json:"whenLost,omitempty"`
}

// Resources are the compute resources of the server container.
//
// +kubebuilder:validation:XValidation:rule="!has(self.limits) || self.limits.all(k, !quantity(string(self.limits[k])).isLessThan(quantity('0')))",fieldPath=".limits",message="limits must not be negative"
// +kubebuilder:validation:XValidation:rule="!has(self.requests) || self.requests.all(k, !quantity(string(self.requests[k])).isLessThan(quantity('0')))",fieldPath=".requests",message="requests must not be negative"
// +kubebuilder:validation:XValidation:rule="!has(self.requests) || !has(self.limits) || self.requests.all(k, !(k in self.limits) || quantity(string(self.requests[k])).compareTo(quantity(string(self.limits[k]))) <= 0)",fieldPath=".requests",message="requests must not exceed limits: lower the request or raise the limit of the same name"
type Resources struct {
	// limits is the most that the server may use, by resource name.
	// +kubebuilder:validation:MaxProperties=6
	// +optional
	Limits corev1.ResourceList `json:"limits,omitempty"`

	// requests is what is set aside for the server, by resource name. Where it
	// is absent, the limit is requested.
	// +kubebuilder:validation:MaxProperties=6
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
// +kubebuilder:validation:XValidation:rule="size(self.metadata.name) <= 45",message="metadata.name must have 45 characters or less, so that the names of members and Services fit: choose a shorter one"
// +kubebuilder:validation:XValidation:rule="self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",message="metadata.name must start with a lower-case letter and hold only lower-case letters, digits and dashes, since Services are named after it"
// +kubebuilder:validation:XValidation:rule="!self.metadata.name.matches('-[0-9]+$')",message="metadata.name must not end in a dash and a number, since members of another Datastore are named so: put a letter at its end, such as db-a"
// +kubebuilder:validation:XValidation:rule="oldSelf.hasValue() || !self.metadata.name.contains('-rack-')",optionalOldSelf=true,message="metadata.name must not hold -rack-, since the racks of another Datastore are named so: choose another name"
// +kubebuilder:validation:XValidation:rule="!has(self.spec.cassandra) || !has(self.spec.cassandra.racks) || self.spec.cassandra.racks.all(r, size(self.metadata.name) + size(r.name) <= 46)",message="metadata.name and the name of a rack must have 46 characters or less together, so that the names of members fit: choose shorter ones"
// +kubebuilder:validation:XValidation:rule="!self.metadata.name.matches('-(ca|client|config|connection|credentials|ledger|manager|member|primary|ui)$')",message="metadata.name must not end in -ca, -client, -config, -connection, -credentials, -ledger, -manager, -member, -primary or -ui, since parts of another Datastore are named so: choose another ending"
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

// AllowsDowntime tells whether planned work may interrupt the service, also for
// an object that never passed the schema's defaults.
func (d *Datastore) AllowsDowntime() bool {
	return d.Spec.Disruption == DisruptionAllowDowntime
}

// StorageRetention returns spec.storage.retention with every default filled in,
// also for an object that never passed those of the schema. What is not
// understood counts as the default, which deletes nothing.
func (d *Datastore) StorageRetention() Retention {
	out := Retention{WhenDeleted: RetentionRetain, WhenScaled: RetentionRetain, WhenLost: LostAsk}
	given := d.Spec.Storage.Retention
	if given.WhenDeleted == RetentionDelete {
		out.WhenDeleted = RetentionDelete
	}
	if given.WhenScaled == RetentionDelete {
		out.WhenScaled = RetentionDelete
	}
	if given.WhenLost == LostDelete {
		out.WhenLost = LostDelete
	}

	return out
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
