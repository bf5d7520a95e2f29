// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package manifests holds what the benchmarks apply: servers as the tutorials have
// them, and the Datastores that stand for the same.
package manifests

import (
	_ "embed"
	"strings"
)

//go:embed tutorial.yaml
var tutorial string

//go:embed datastore.yaml
var datastore string

//go:embed tutorial-mongodb.yaml
var tutorialMongoDB string

//go:embed datastore-mongodb.yaml
var datastoreMongoDB string

//go:embed tutorial-cassandra.yaml
var tutorialCassandra string

//go:embed datastore-cassandra.yaml
var datastoreCassandra string

const (
	// Name is that of the StatefulSet and of the Datastore in all manifests of
	// Consul.
	Name = "consul"
	// NameMongoDB is the same in those of MongoDB.
	NameMongoDB = "db"
	// NameCassandra is the same in those of Cassandra.
	NameCassandra = "cassandra"
	// Size is the number of servers in all manifests.
	Size = 3
)

// Tutorial is what the tutorial applies, with pods that are made in the given
// order: OrderedReady, which is the default of a StatefulSet, or Parallel.
func Tutorial(order string) string {
	return strings.Replace(tutorial, "Policy: ORDER", "Policy: "+order, 1)
}

// Datastore is the one resource instead.
func Datastore() string { return datastore }

// TutorialMongoDB is what the tutorial of MongoDB applies. The set is then formed by
// a person.
func TutorialMongoDB() string { return tutorialMongoDB }

// DatastoreMongoDB is the one resource instead.
func DatastoreMongoDB() string { return datastoreMongoDB }

// TutorialCassandra is what the tutorial of Cassandra applies.
func TutorialCassandra() string { return tutorialCassandra }

// DatastoreCassandra is the one resource instead.
func DatastoreCassandra() string { return datastoreCassandra }
