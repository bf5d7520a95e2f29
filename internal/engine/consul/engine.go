// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consul

import (
	"net"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
)

// The other ports of a server, at Consul's own defaults.
const (
	portGRPC = 8502
	portDNS  = 8600
)

// maxReplicas bounds the size: every write waits for a majority of all voters.
const maxReplicas = 9

// Engine is the pure half. Its zero value is ready for use.
type Engine struct{}

var (
	_ engine.Engine    = Engine{}
	_ engine.Connector = Engine{}
	_ engine.Upgrader  = Engine{}
	_ engine.WebUI     = Engine{}
)

// Traits are those of a Raft set whose members are known by address and found
// it together.
func (Engine) Traits() engine.Traits {
	return engine.Traits{
		Formation:     engine.FormTogether,
		StableAddress: true,
		StartIsJoin:   true,
		VoteFollows:   true,
		Quorum:        engine.Majority,
		MaxReplicas:   maxReplicas,
		User:          100,
		Group:         1000,
		Credentials: []engine.Credential{
			{Key: CredentialGossip, Format: engine.CredentialBase64, Mounted: true, Rotates: "gossip-key"},
			{Key: CredentialAgent, Format: engine.CredentialUUID, Mounted: true},
			{Key: CredentialManagement, Format: engine.CredentialUUID},
		},
	}
}

// UIPort is the client port that serves Consul's user interface.
func (Engine) UIPort() string { return "http" }

// UIIngress is the one that spec.consul.ui asks for, unless it is switched off.
func (Engine) UIIngress(d *v1alpha1.Datastore) *v1alpha1.Ingress {
	ui := d.ConsulSettings().UI
	if !*ui.Enabled {
		return nil
	}
	return ui.Ingress
}

// Connection describes the HTTP interface and the token that may do all; an open set
// knows none.
func (Engine) Connection(d *v1alpha1.Datastore, host string, credentials map[string][]byte) engine.Connection {
	port := strconv.Itoa(PortHTTP)
	out := engine.Connection{
		Type: "consul",
		Host: host,
		Port: port,
		URI:  "http://" + net.JoinHostPort(host, port),
	}
	if !letsAllIn(d) {
		out.Extra = map[string]string{"token": string(credentials[CredentialManagement])}
	}
	return out
}

// ports are those that a client or a peer uses; Consul's wide area gossip and
// its TLS ports are off.
func ports() []engine.Port {
	return []engine.Port{
		{Name: "server", Number: PortServer, Protocol: corev1.ProtocolTCP, Peer: true},
		{Name: "serf", Number: PortSerf, Protocol: corev1.ProtocolTCP, Peer: true},
		{Name: "serf-udp", Number: PortSerf, Protocol: corev1.ProtocolUDP, Peer: true},
		{Name: "http", Number: PortHTTP, Protocol: corev1.ProtocolTCP, Client: true},
		{Name: "grpc", Number: portGRPC, Protocol: corev1.ProtocolTCP, Client: true},
		{Name: "dns", Number: portDNS, Protocol: corev1.ProtocolTCP, Client: true},
		{Name: "dns-udp", Number: portDNS, Protocol: corev1.ProtocolUDP, Client: true},
	}
}
