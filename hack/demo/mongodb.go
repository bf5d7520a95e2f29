// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/quorate/quorate/hack/dial"
)

// document stores a document with MongoDB's own Go driver, by nothing but the
// address in the connection Secret, and reads it from every member.
func (d *demo) document(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	if err := d.client(ctx); err != nil {
		return err
	}
	address, err := d.connection(ctx, "uri")
	if err != nil {
		return err
	}
	names, err := dial.New(ctx, d.Target, d.sample.namespace, "client")
	if err != nil {
		return fmt.Errorf("reach the servers by their names: %w", err)
	}
	d.say("mongo.Connect(%q)", withoutPassword(address))
	set, err := mongo.Connect(options.Client().ApplyURI(address).SetDialer(names))
	if err != nil {
		return fmt.Errorf("read the address of the connection Secret: %w", err)
	}
	defer func() { _ = set.Disconnect(context.WithoutCancel(ctx)) }()
	if err := d.store(ctx, set); err != nil {
		return err
	}
	if err := d.everywhere(ctx, address, names); err != nil {
		return err
	}
	if err := d.identify(ctx, set); err != nil {
		return err
	}
	stranger, err := mongo.Connect(options.Client().ApplyURI(withoutUser(address)).SetDialer(names))
	if err != nil {
		return fmt.Errorf("connect without a password: %w", err)
	}
	defer func() { _ = stranger.Disconnect(context.WithoutCancel(ctx)) }()
	if _, err := stranger.Database("demo").Collection("people").CountDocuments(ctx, bson.D{}); err == nil {
		return errors.New("a client without a password was let in")
	}
	d.say("without the password: refused, as it should be")
	return nil
}

var ada = bson.D{{Key: "_id", Value: "ada"}, {Key: "name", Value: "Ada Lovelace"}}

// store writes the document, also where an earlier demo has.
func (d *demo) store(ctx context.Context, set *mongo.Client) error {
	people := set.Database("demo").Collection("people", options.Collection().SetWriteConcern(writeconcern.Majority()))
	answer, err := people.ReplaceOne(ctx, bson.D{{Key: "_id", Value: "ada"}}, ada, options.Replace().SetUpsert(true))
	if err != nil {
		return fmt.Errorf("write a document: %w", err)
	}
	if !answer.Acknowledged {
		return errors.New("the write was not acknowledged")
	}
	d.say("people.ReplaceOne(%s): acknowledged by a majority", ada)
	return nil
}

// everywhere reads the document from each member by its own name.
func (d *demo) everywhere(ctx context.Context, address string, names dial.Dialer) error {
	for i := range 3 {
		host := fmt.Sprintf("%s-%d.%s.%s.svc.cluster.local", d.sample.name, i, d.sample.name, d.sample.namespace)
		o := options.Client().ApplyURI(address).SetHosts([]string{net.JoinHostPort(host, "27017")}).SetDialer(names)
		o.ReplicaSet = nil
		member, err := mongo.Connect(o.SetDirect(true).SetReadPreference(readpref.SecondaryPreferred()))
		if err != nil {
			return fmt.Errorf("connect to %s: %w", host, err)
		}
		text, err := d.readFrom(ctx, member)
		_ = member.Disconnect(ctx)
		if err != nil {
			return fmt.Errorf("read from %s: %w", host, err)
		}
		d.say("people.FindOne(ada) from %s-%d: %s", d.sample.name, i, text)
	}
	return nil
}

// readFrom reads from one member, as soon as it has what a majority has.
func (d *demo) readFrom(ctx context.Context, member *mongo.Client) (string, error) {
	for {
		text, err := member.Database("demo").Collection("people").FindOne(ctx, bson.D{{Key: "_id", Value: "ada"}}).Raw()
		if err == nil {
			return text.String(), nil
		}
		if !errors.Is(err, mongo.ErrNoDocuments) {
			return "", fmt.Errorf("find the document: %w", err)
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("find the document: %w", ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// identify asks the server what it is.
func (d *demo) identify(ctx context.Context, set *mongo.Client) error {
	var build struct {
		Version string   `bson:"version"`
		Modules []string `bson:"modules"`
	}
	if err := set.Database("admin").RunCommand(ctx, bson.D{{Key: "buildInfo", Value: 1}}).Decode(&build); err != nil {
		return fmt.Errorf("ask the server what it is: %w", err)
	}
	d.double = slices.Contains(build.Modules, "mongosim")
	d.say("the servers say that they are MongoDB %s%s", build.Version, map[bool]string{true: ", and that it is the double of test/mongosim", false: ""}[d.double])
	return nil
}

// serverVerdict says with which server the demo passed.
func serverVerdict(d *demo) string {
	if d.double {
		return " - WITH A DOUBLE OF MONGODB'S SERVER (test/mongosim), not with MongoDB itself"
	}
	return " - with MongoDB's own server"
}

func withoutPassword(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "an address that cannot be read: " + strconv.Quote(err.Error())
	}
	return u.Redacted()
}

func withoutUser(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	u.User = nil
	q := u.Query()
	q.Del("authSource")
	u.RawQuery = q.Encode()
	return strings.TrimSuffix(u.String(), "?")
}
