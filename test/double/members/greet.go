// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package members

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/quorate/quorate/internal/agent/protocol"
	"github.com/quorate/quorate/internal/fleet"
)

// greet tells whether a manager and a member with these files would trust each
// other now, as TLS would find.
func greet(manager fleet.Identity, mounted map[string][]byte) error {
	if err := trust(mounted["ca.crt"], []byte(manager.Cert), x509.ExtKeyUsageClientAuth, ""); err != nil {
		return fmt.Errorf("the member refuses the manager: %w", err)
	}
	if err := trust([]byte(manager.CA), mounted["tls.crt"], x509.ExtKeyUsageServerAuth, protocol.MemberServerName); err != nil {
		return fmt.Errorf("the manager refuses the member: %w", err)
	}
	return nil
}

func trust(authorities, certificate []byte, use x509.ExtKeyUsage, name string) error {
	block, _ := pem.Decode(certificate)
	if block == nil {
		return errors.New("there is no certificate")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return fmt.Errorf("read the certificate: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authorities)
	if _, err := cert.Verify(x509.VerifyOptions{Roots: roots, DNSName: name, KeyUsages: []x509.ExtKeyUsage{use}}); err != nil {
		return fmt.Errorf("verify the certificate: %w", err)
	}
	return nil
}
