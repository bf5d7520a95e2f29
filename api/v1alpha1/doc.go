// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package v1alpha1 holds the API of Quorate: the Datastore, the conditions it
// reports and the reasons those give.
//
// A Datastore describes one replicated datastore. What CEL can refuse is
// refused by the schema, with a message that names the field and what to do;
// what only the engine can judge is reported by the condition Stalled.
//
// +kubebuilder:object:generate=true
// +kubebuilder:ac:generate=true
// +kubebuilder:ac:output:package="../applyconfiguration"
// +groupName=quorate.dev
package v1alpha1
