// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// DatastoreStatus is what the operator found. It is only a report: nothing is
// decided from it, and losing it loses nothing.
type DatastoreStatus struct {
	// observedGeneration is the generation of the specification that this
	// status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// conditions are Ready, Formed, Degraded, Reconciling and Stalled.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// clusterID is the identity of the formed set, fixed when it forms.
	// +optional
	ClusterID string `json:"clusterID,omitempty"`

	// image is the image of the server that the members are to run.
	// +optional
	Image string `json:"image,omitempty"`

	// replicas is the number of pods of members that exist.
	// +optional
	Replicas int32 `json:"replicas"`

	// readyReplicas is the number of members that serve and are caught up.
	// +optional
	ReadyReplicas int32 `json:"readyReplicas"`

	// selector selects the pods of the members, for tools that scale.
	// +optional
	Selector string `json:"selector,omitempty"`

	// faultTolerance is the number of members that may fail now without loss of
	// service, counted from healthy voters that are caught up. If it is absent,
	// it is not known.
	// +optional
	FaultTolerance *int32 `json:"faultTolerance,omitempty"`

	// members are the members as they were last seen.
	// +listType=map
	// +listMapKey=name
	// +optional
	Members []MemberStatus `json:"members,omitempty"`

	// plan is the next action, or what it waits for. If it is absent, there is
	// nothing to do.
	// +optional
	Plan *PlanStatus `json:"plan,omitempty"`
}

// MemberStatus is one member as it was last seen. It holds nothing that changes
// by itself, such as an index or the time of the last contact.
type MemberStatus struct {
	// name of the member, which is the name of its pod.
	// +required
	Name string `json:"name"`

	// id is the engine's own identity of the member.
	// +optional
	ID string `json:"id,omitempty"`

	// role of the member in the engine's own word, such as leader or follower.
	// +optional
	Role string `json:"role,omitempty"`

	// voter is whether the member has a vote. If it is absent, it is not known.
	// +optional
	Voter *bool `json:"voter,omitempty"`

	// healthy is whether the engine finds the member healthy. If it is absent,
	// it is not known.
	// +optional
	Healthy *bool `json:"healthy,omitempty"`

	// version of the server that the member runs.
	// +optional
	Version string `json:"version,omitempty"`

	// node that the pod of the member runs on.
	// +optional
	Node string `json:"node,omitempty"`

	// claimUID is the UID of the claim that holds the data of the member.
	// +optional
	ClaimUID types.UID `json:"claimUID,omitempty"`
}

// PlanStatus is the next action, or what it waits for.
type PlanStatus struct {
	// action is what is to be done, such as Grant, Promote or Leave.
	// +required
	Action string `json:"action"`

	// member is the name of the member that it is done to, if to one.
	// +optional
	Member string `json:"member,omitempty"`

	// why says what makes the action necessary.
	// +optional
	Why string `json:"why,omitempty"`

	// blockedBy is the guard that holds the action back. If it is absent, the
	// action is under way.
	// +optional
	BlockedBy string `json:"blockedBy,omitempty"`

	// message is one sentence for people: the action, or the fact that blocks
	// it.
	// +optional
	Message string `json:"message,omitempty"`
}
