// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package scrape says how the manager's metrics are served: over TLS, and to those
// alone whom the cluster lets read them.
//
// Who they are and what they may is asked of the API server, by a TokenReview and a
// SubjectAccessReview. controller-runtime has a filter that asks the same; it is not
// used, since it brings the API server's own library with it, and the program here
// also runs in the pod of every member.
package scrape

import (
	"crypto/tls"
	"fmt"
	"path/filepath"

	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// Settings are the flags of the manager that are about its metrics.
type Settings struct {
	// Address is where they are served; 0 serves none.
	Address string
	// Secure has them served over TLS, to whom the cluster lets. Without it they are
	// served in plain HTTP, to everybody.
	Secure bool
	// CertFolder holds tls.crt and tls.key, as a Secret of type kubernetes.io/tls has
	// them where it is mounted; they are read again when they change. Without it the
	// manager signs a certificate of its own with every start.
	CertFolder string
}

// Options are what a manager serves its metrics with. A certificate that was named
// and cannot be read is an error: nobody who asks for one wants another.
func (s Settings) Options() (metricsserver.Options, error) {
	o := metricsserver.Options{BindAddress: s.Address}
	if !s.Secure {
		return o, nil
	}
	o.SecureServing, o.FilterProvider = true, Reviewed
	o.TLSOpts = []func(*tls.Config){func(c *tls.Config) {
		// One answer to one question needs no streams.
		c.NextProtos = []string{"http/1.1"}
	}}
	if s.CertFolder == "" {
		return o, nil
	}
	o.CertDir, o.CertName, o.KeyName = s.CertFolder, "tls.crt", "tls.key"
	if _, err := tls.LoadX509KeyPair(filepath.Join(o.CertDir, o.CertName), filepath.Join(o.CertDir, o.KeyName)); err != nil {
		return o, fmt.Errorf("read the certificate for metrics: %w", err)
	}
	return o, nil
}
