// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package client

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/quorate/quorate/internal/agent/protocol"
)

// Identity returns how the manager of a datastore shows itself, and whom it
// trusts, from the authority's certificates and the manager's pair in PEM.
func Identity(authority, certificate, key []byte) (*tls.Config, error) {
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return nil, fmt.Errorf("read the manager's certificate: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(authority) {
		return nil, errors.New("read the authority: it holds no certificate")
	}
	return &tls.Config{
		MinVersion:   tls.VersionTLS13,
		ServerName:   protocol.MemberServerName,
		RootCAs:      pool,
		Certificates: []tls.Certificate{pair},
	}, nil
}
