// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// The condition types of a Datastore. All five are always present once the
// Datastore has been observed, and all are computed anew each time.
const (
	// ConditionReady is True while every member that the user wants serves and
	// is caught up. It is False while one is missing, and Unknown while too
	// little is heard of the members to tell.
	//
	// Clients may be served while it is False: see ConditionDegraded and
	// status.faultTolerance.
	ConditionReady = "Ready"

	// ConditionFormed is True once the set has formed, and stays so for the
	// life of the set: its members hold the data of one cluster, whose identity
	// is in status.clusterID. It is False before, and Unknown where it cannot
	// be told whether a formation that was begun succeeded.
	ConditionFormed = "Formed"

	// ConditionDegraded is True while the set has formed but tolerates fewer
	// failures than its size allows, or serves no more. It is False before the
	// set has formed, and Unknown while the members are silent.
	ConditionDegraded = "Degraded"

	// ConditionReconciling is True while there is something to do that needs
	// no person: forming, scaling, waiting for a member. kstatus reads it as
	// "in progress".
	ConditionReconciling = "Reconciling"

	// ConditionStalled is True while nothing goes on until a person does
	// something, which the message names. kstatus reads it as "failed".
	ConditionStalled = "Stalled"
)
