// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package dial connects from this machine to what only a cluster knows by its
// name. Clients that look for further servers by the names that the first one
// tells, as drivers of MongoDB do, need no more than that to work from outside.
package dial

import (
	"context"
	"fmt"
	"net"
	"strings"

	"github.com/quorate/quorate/hack/target"
)

// Dialer is what clients of many kinds take.
type Dialer interface {
	DialContext(ctx context.Context, network, address string) (net.Conn, error)
}

// New returns a dialer to the names of a cluster.
//
// The addresses of the local cluster are reached from this machine, so that its
// names are looked up at its own DNS and nobody stands in between. Elsewhere each
// connection goes by way of a pod that has the program nc, and has to be there.
func New(ctx context.Context, t *target.Target, namespace, pod string) (Dialer, error) {
	if t.Kind != target.Local {
		return through{func(ctx context.Context, host, port string) (command, error) {
			return t.KubectlCommand(ctx, "-n", namespace, "exec", "-i", pod, "--", "nc", host, port)
		}}, nil
	}
	cmd, err := t.KubectlCommand(ctx, "-n", "kube-system", "get", "service", "kube-dns", "-o", "jsonpath={.spec.clusterIP}")
	if err != nil {
		return nil, err
	}
	address, err := cmd.Output()
	if err != nil || net.ParseIP(strings.TrimSpace(string(address))) == nil {
		return nil, fmt.Errorf("find the address %q of the cluster's DNS: %w", address, err)
	}
	return direct(net.JoinHostPort(strings.TrimSpace(string(address)), "53")), nil
}

// direct asks one DNS server, whatever this machine would ask.
func direct(dns string) *net.Dialer {
	ask := func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, dns)
	}
	return &net.Dialer{Resolver: &net.Resolver{PreferGo: true, Dial: ask}}
}
