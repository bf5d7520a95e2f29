// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package pki

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"time"
)

// Certificate is one as far as its renewal goes. When it is renewed, and what
// must be trusted meanwhile, is decided in package rotation.
type Certificate struct {
	cert *x509.Certificate
}

// ReadCertificate reads the first certificate of a PEM text.
func ReadCertificate(text []byte) (Certificate, error) {
	cert, err := parseCertificate(text)
	if err != nil {
		return Certificate{}, err
	}
	return Certificate{cert: cert}, nil
}

// Good tells whether a certificate is within its time.
func (c Certificate) Good(now time.Time) bool {
	return !now.Before(c.cert.NotBefore) && !now.After(c.cert.NotAfter)
}

// Due tells whether less than a third of a certificate's life is left, or it is
// not good yet: a clock was wrong when it was made, or is now.
func (c Certificate) Due(now time.Time) bool {
	life := c.cert.NotAfter.Sub(c.cert.NotBefore)
	return now.Before(c.cert.NotBefore) || now.After(c.cert.NotAfter.Add(-life/3))
}

// DueUnder is Due for a pair that this authority would renew. One that ends
// with its authority would be none the better for it.
func (c Certificate) DueUnder(authority Certificate, now time.Time) bool {
	return c.Due(now) && (now.Before(c.cert.NotBefore) || c.cert.NotAfter.Before(authority.cert.NotAfter))
}

// IssuedBy tells whether an authority has signed a certificate, whatever the
// time is.
func (c Certificate) IssuedBy(authority Certificate) bool {
	return c.cert.CheckSignatureFrom(authority.cert) == nil
}

// Bundle joins the certificates of authorities, in PEM, into what trusts all of
// them. One alone stays as it is, to the byte.
func Bundle(authorities ...[]byte) []byte { return bytes.Join(authorities, nil) }

// Trusts tells whether an authority is in a bundle.
func Trusts(bundle []byte, authority Certificate) bool {
	for block, rest := pem.Decode(bundle); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == certificateBlock && bytes.Equal(block.Bytes, authority.cert.Raw) {
			return true
		}
	}
	return false
}
