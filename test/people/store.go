// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
)

// person is one document.
type person struct {
	ID   string `bson:"_id" json:"id"`
	Name string `bson:"name" json:"name"`
}

// store keeps people.
type store interface {
	// put returns when a majority of the members has the person.
	put(ctx context.Context, p person) error
	// all returns what a majority has.
	all(ctx context.Context) ([]person, error)
}

type collection struct{ people *mongo.Collection }

func inMongoDB(client *mongo.Client) store {
	return collection{client.Database("people").Collection("people",
		options.Collection().SetWriteConcern(writeconcern.Majority()).SetReadConcern(readconcern.Majority()))}
}

func (c collection) put(ctx context.Context, p person) error {
	_, err := c.people.ReplaceOne(ctx, bson.D{{Key: "_id", Value: p.ID}}, p, options.Replace().SetUpsert(true))
	if err != nil {
		return fmt.Errorf("store %s: %w", p.ID, err)
	}
	return nil
}

func (c collection) all(ctx context.Context) ([]person, error) {
	found, err := c.people.Find(ctx, bson.D{}, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))
	if err != nil {
		return nil, fmt.Errorf("list people: %w", err)
	}
	out := []person{}
	if err := found.All(ctx, &out); err != nil {
		return nil, fmt.Errorf("list people: %w", err)
	}
	return out, nil
}
