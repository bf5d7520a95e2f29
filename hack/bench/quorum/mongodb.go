// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package quorum

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/quorate/quorate/hack/dial"
)

// MongoDB asks servers of a replica set, each by a connection to it alone. A look
// costs two commands per server, and one more of the primary.
type MongoDB struct {
	uri   string
	names dial.Dialer

	mu       sync.Mutex
	clients  map[string]*mongo.Client // by the pod's UID
	versions map[string]string        // of the servers' binaries, by the member's name
}

// NewMongoDB asks with the log-in of the address of a set.
func NewMongoDB(uri string, names dial.Dialer) *MongoDB {
	return &MongoDB{uri: uri, names: names, clients: map[string]*mongo.Client{}, versions: map[string]string{}}
}

// commandTime bounds a command: a server that hangs must not hold up the next
// look.
const commandTime = time.Second

// Ask implements Prober.
func (p *MongoDB) Ask(ctx context.Context, m Member) Heard {
	c, err := p.client(m)
	if err != nil {
		return Heard{}
	}
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	admin := c.Database("admin")
	var hello struct {
		Primary  string `bson:"primary"`
		Writable bool   `bson:"isWritablePrimary"`
	}
	if admin.RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&hello) != nil {
		return Heard{}
	}
	out := Heard{Answer: Answer{Alive: true, Leader: hello.Primary}}
	var status memberStates
	if admin.RunCommand(ctx, bson.D{{Key: "replSetGetStatus", Value: 1}}).Decode(&status) != nil {
		return out
	}
	out.ID = status.self()
	p.learn(ctx, m, admin)
	if hello.Writable {
		var document configuration
		if admin.RunCommand(ctx, bson.D{{Key: "replSetGetConfig", Value: 1}}).Decode(&document) == nil {
			out.Peers, out.Health = document.peers(hello.Primary), p.health(status)
		}
	}
	return out
}

// client is the one of a pod, which has one address as long as it lives.
func (p *MongoDB) client(m Member) (*mongo.Client, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.clients[m.UID]; c != nil {
		return c, nil
	}
	o := options.Client().ApplyURI(p.uri).SetHosts([]string{net.JoinHostPort(m.Addresses[0], "27017")}).SetDirect(true).
		SetDialer(p.names).SetAppName("look").SetConnectTimeout(commandTime).SetServerSelectionTimeout(commandTime)
	o.ReplicaSet = nil
	c, err := mongo.Connect(o)
	if err != nil {
		return nil, fmt.Errorf("make a client of %s: %w", m.Name, err)
	}
	p.clients[m.UID] = c
	return c, nil
}

// learn asks for the version of a server that another container runs by now.
func (p *MongoDB) learn(ctx context.Context, m Member, admin *mongo.Database) {
	p.mu.Lock()
	known := p.versions[m.Container]
	p.mu.Unlock()
	if known == "" {
		var build struct {
			Version string `bson:"version"`
		}
		if admin.RunCommand(ctx, bson.D{{Key: "buildInfo", Value: 1}}).Decode(&build) != nil {
			return
		}
		known = build.Version
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.versions[m.Container], p.versions[m.Name] = known, known
}

// Close implements Prober.
func (p *MongoDB) Close(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	for _, c := range p.clients {
		_ = c.Disconnect(ctx) // many of the servers are gone
	}
}

// memberStates is the answer to replSetGetStatus.
type memberStates struct {
	Members []struct {
		Number int32   `bson:"_id"`
		Name   string  `bson:"name"`
		Health float64 `bson:"health"`
		State  int     `bson:"state"`
		Self   bool    `bson:"self"`
	} `bson:"members"`
}

// self is the number of the member that answered; empty where it is none.
func (s memberStates) self() string {
	for _, m := range s.Members {
		if m.Self {
			return strconv.Itoa(int(m.Number))
		}
	}
	return ""
}

// health is that of the members as the primary has it: primary and secondaries
// that it hears of.
func (p *MongoDB) health(s memberStates) []Server {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []Server
	for _, m := range s.Members {
		name, _, _ := strings.Cut(m.Name, ".")
		out = append(out, Server{
			ID: strconv.Itoa(int(m.Number)), Name: name, Version: p.versions[name],
			Healthy: m.Health > 0 && (m.State == 1 || m.State == 2),
		})
	}
	return out
}

// configuration is the set's document.
type configuration struct {
	Config struct {
		Members []struct {
			Number int32  `bson:"_id"`
			Host   string `bson:"host"`
			Votes  int32  `bson:"votes"`
		} `bson:"members"`
	} `bson:"config"`
}

func (c configuration) peers(primary string) []Peer {
	var out []Peer
	for _, m := range c.Config.Members {
		out = append(out, Peer{ID: strconv.Itoa(int(m.Number)), Address: m.Host, Leader: m.Host == primary, Voter: m.Votes > 0})
	}
	return out
}
