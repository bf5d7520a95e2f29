// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package pki

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"time"

	"github.com/quorate/quorate/internal/agent/protocol"
)

// organization is in every certificate's subject.
const organization = "quorate.dev"

func authorityTemplate(identity string, now time.Time) (*x509.Certificate, error) {
	t, err := template(identity, now, AuthorityValidity)
	if err != nil {
		return nil, err
	}
	t.IsCA = true
	t.MaxPathLenZero = true
	t.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	return t, nil
}

// managerTemplate is good for calling, never for serving.
func managerTemplate(now time.Time) (*x509.Certificate, error) {
	t, err := template(protocol.ManagerName, now, LeafValidity)
	if err != nil {
		return nil, err
	}
	t.KeyUsage = x509.KeyUsageDigitalSignature
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return t, nil
}

// memberTemplate is good for both, since members also call each other.
func memberTemplate(now time.Time, dnsNames []string) (*x509.Certificate, error) {
	t, err := template(protocol.MemberServerName, now, LeafValidity)
	if err != nil {
		return nil, err
	}
	t.KeyUsage = x509.KeyUsageDigitalSignature
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	t.DNSNames = append([]string{protocol.MemberServerName}, dnsNames...)
	return t, nil
}

// template is what all certificates have in common.
func template(name string, now time.Time, validity time.Duration) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("draw a serial number: %w", err)
	}
	return &x509.Certificate{
		SerialNumber:          serial.Add(serial, big.NewInt(1)),
		Subject:               pkix.Name{CommonName: name, Organization: []string{organization}},
		NotBefore:             now.Add(-skew),
		NotAfter:              now.Add(validity),
		BasicConstraintsValid: true,
	}, nil
}
