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
// afterwards, since the data is laid out by it. All members are in one rack, rack1:
// racks cannot be chosen.
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
