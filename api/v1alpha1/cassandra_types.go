// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// What the section says where the user says nothing. These must never change: they
// would rename the datacenter, or deal the tokens anew, of those who rely on them.
const (
	DefaultCassandraDatacenter       = "dc1"
	DefaultCassandraNumTokens  int32 = 16
)

// CassandraSpec is what only the engine Cassandra has. Nothing in it can be changed
// afterwards, since the data is laid out by it.
type CassandraSpec struct {
	// datacenter is the name of the datacenter, which keyspaces name in their
	// replication and drivers ask for.
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9][A-Za-z0-9_-]*$')",message="datacenter must hold only letters, digits, dashes and underscores, such as dc1"
	// +kubebuilder:default=dc1
	// +kubebuilder:validation:MaxLength=48
	// +optional
	Datacenter string `json:"datacenter,omitempty"`

	// clusterName is the name of the cluster, which every server checks when it
	// meets another one. If it is empty, it is the name of the Datastore.
	// +kubebuilder:validation:XValidation:rule="self.matches('^([A-Za-z0-9]([A-Za-z0-9 _-]*[A-Za-z0-9])?)?$')",message="clusterName must hold only letters, digits, spaces, dashes and underscores, such as K8s Demo"
	// +kubebuilder:validation:MaxLength=64
	// +optional
	ClusterName string `json:"clusterName,omitempty"`

	// numTokens is into how many parts of the ring each member's data is divided.
	// +kubebuilder:default=16
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=256
	// +optional
	NumTokens *int32 `json:"numTokens,omitempty"`

	// racks are those that the members are in, by turns and in this order: the first
	// member in the first rack, and so on, and then from the first again. Cassandra
	// puts the copies of a row into different racks, so that with a rack for each zone
	// of the cluster a zone can be lost. Each rack has a StatefulSet of its own. If it
	// is empty, all members are in one rack, rack1, wherever they run.
	// +kubebuilder:validation:XValidation:rule="self.all(r, self.exists_one(o, o.name == r.name))",message="racks must have different names"
	// +kubebuilder:validation:MinItems=2
	// +kubebuilder:validation:MaxItems=9
	// +listType=atomic
	// +optional
	Racks []CassandraRack `json:"racks,omitempty"`
}

// CassandraRack is one of several.
type CassandraRack struct {
	// name is what Cassandra and StatefulSets know the rack by.
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",message="name of a rack must hold only lower-case letters, digits and dashes, since a StatefulSet is named after it, such as a"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=30
	// +required
	Name string `json:"name"`

	// zone is the one whose nodes its members run on, by their label
	// topology.kubernetes.io/zone.
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$')",message="zone must be a value that the label topology.kubernetes.io/zone of a node can have, such as eu-west-1a"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +required
	Zone string `json:"zone"`
}

// CassandraSettings returns a copy of the Cassandra section with every default filled
// in, also where the section is absent.
func (d *Datastore) CassandraSettings() CassandraSpec {
	var settings CassandraSpec
	if d.Spec.Cassandra != nil {
		settings = *d.Spec.Cassandra.DeepCopy()
	}

	if settings.Datacenter == "" {
		settings.Datacenter = DefaultCassandraDatacenter
	}

	if settings.ClusterName == "" {
		settings.ClusterName = d.Name
	}

	if settings.NumTokens == nil {
		tokens := DefaultCassandraNumTokens
		settings.NumTokens = &tokens
	}

	return settings
}
