// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package pki

import (
	"fmt"
	"time"
)

// NeedsRenewal tells whether less than a third of a certificate's life is
// left, or it is not good yet. It decides nothing else: renewal of an
// authority must have both trusted for a while, and is not done here.
func NeedsRenewal(certificate []byte, now time.Time) (bool, error) {
	cert, err := parseCertificate(certificate)
	if err != nil {
		return false, fmt.Errorf("read the certificate to renew: %w", err)
	}
	life := cert.NotAfter.Sub(cert.NotBefore)
	return now.Before(cert.NotBefore) || now.After(cert.NotAfter.Add(-life/3)), nil
}
