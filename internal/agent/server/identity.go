// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/quorate/quorate/internal/agent/protocol"
	"github.com/quorate/quorate/internal/agent/settings"
)

// Identity is the member pair and the authority, read anew from the mounted
// Secret when its files change.
type Identity struct {
	dir string

	mu     sync.Mutex
	seen   []fs.FileInfo
	config *tls.Config
}

// NewIdentity reads from a directory, at the first connection.
func NewIdentity(dir string) *Identity { return &Identity{dir: dir} }

// Config returns what to serve with. Each connection gets what is mounted at
// its beginning; one that stands goes on with what it had.
func (i *Identity) Config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return i.current()
		},
	}
}

// current returns the configuration of the files as they are. While they
// cannot be read, or do not fit together, the last good one stands.
func (i *Identity) current() (*tls.Config, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	seen, err := i.look()
	if err == nil && i.config != nil && sameFiles(i.seen, seen) {
		return i.config, nil
	}
	var config *tls.Config
	if err == nil {
		config, err = i.load()
	}
	if err != nil {
		if i.config != nil {
			return i.config, nil
		}
		return nil, err
	}
	i.seen, i.config = seen, config
	return config, nil
}

func (i *Identity) path(name string) string { return filepath.Join(i.dir, name) }

func (i *Identity) look() ([]fs.FileInfo, error) {
	var out []fs.FileInfo
	for _, name := range []string{settings.AuthorityName, settings.CertificateName, settings.KeyName} {
		info, err := os.Stat(i.path(name))
		if err != nil {
			return nil, fmt.Errorf("look at the member's certificate: %w", err)
		}
		out = append(out, info)
	}
	return out, nil
}

func (i *Identity) load() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(i.path(settings.CertificateName), i.path(settings.KeyName))
	if err != nil {
		return nil, fmt.Errorf("read the member's certificate: %w", err)
	}
	text, err := os.ReadFile(i.path(settings.AuthorityName))
	if err != nil {
		return nil, fmt.Errorf("read the authority: %w", err)
	}
	authority := x509.NewCertPool()
	if !authority.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("read the authority: %s holds no certificate", i.path(settings.AuthorityName))
	}
	return &tls.Config{
		MinVersion:             tls.VersionTLS13,
		Certificates:           []tls.Certificate{pair},
		ClientCAs:              authority,
		ClientAuth:             tls.RequireAndVerifyClientCert,
		VerifyConnection:       onlyManager,
		SessionTicketsDisabled: true,
		NextProtos:             []string{"http/1.1"},
	}, nil
}

// onlyManager refuses the other bearers of a certificate of this authority,
// which are the members.
func onlyManager(state tls.ConnectionState) error {
	if len(state.PeerCertificates) == 0 {
		return errors.New("the caller shows no certificate")
	}
	if name := state.PeerCertificates[0].Subject.CommonName; name != protocol.ManagerName {
		return fmt.Errorf("the caller is %q, not the manager", name)
	}
	return nil
}

func sameFiles(a, b []fs.FileInfo) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !os.SameFile(a[i], b[i]) || a[i].Size() != b[i].Size() || !a[i].ModTime().Equal(b[i].ModTime()) {
			return false
		}
	}
	return true
}
