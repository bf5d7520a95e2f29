// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import "github.com/quorate/quorate/api/v1alpha1"

// Racked is for engines that put the copies of what they hold into different racks. The
// members of a Datastore with racks run in a StatefulSet for each.
type Racked interface {
	// Racks are those of a Datastore, in their order, which never change; none where
	// its members are in no racks.
	Racks(d *v1alpha1.Datastore) []Rack
}

// Rack is one of several.
type Rack struct {
	Name string
	// Zone is the one whose nodes its members run on.
	Zone string
}

// Racks returns those of a Datastore, none where its engine knows no racks.
func Racks(e Engine, d *v1alpha1.Datastore) []Rack {
	if racked, ok := e.(Racked); ok {
		return racked.Racks(d)
	}
	return nil
}
