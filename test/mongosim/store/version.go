// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package store

import (
	"go.mongodb.org/mongo-driver/v2/bson"
)

// NamespaceVersion holds the document of the feature compatibility version, NamespaceUsers the users.
const (
	NamespaceVersion = "admin.system.version"
	NamespaceUsers   = "admin.system.users"
)

const identityFCV = "featureCompatibilityVersion"

// FCV returns the feature compatibility version of the data, or nothing if there is none yet.
func (s *Store) FCV() (string, error) {
	filter, err := bson.Marshal(bson.D{{Key: "_id", Value: identityFCV}})
	if err != nil {
		return "", err
	}
	docs, err := s.Find(Query{Namespace: NamespaceVersion, Filter: filter})
	if err != nil || len(docs) == 0 {
		return "", err
	}
	version, _ := docs[0].Lookup("version").StringValueOK()
	return version, nil
}

// SetFCV is the operation that sets it.
func SetFCV(version string) (*Op, error) {
	filter, err := bson.Marshal(bson.D{{Key: "_id", Value: identityFCV}})
	if err != nil {
		return nil, err
	}
	update, err := bson.Marshal(bson.D{{Key: "version", Value: version}})
	if err != nil {
		return nil, err
	}
	return &Op{Kind: Update, Namespace: NamespaceVersion, Ordered: true,
		Statements: []Statement{{Filter: filter, Update: update, Upsert: true}}}, nil
}
