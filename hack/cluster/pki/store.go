// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package pki

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/quorate/quorate/hack/cluster/layout"
)

// Store is the folder in which a cluster's keys and certificates lie, NAME.crt and NAME.key each.
type Store struct {
	Dir string
}

// Certificate is the path of a certificate.
func (s Store) Certificate(name string) string { return filepath.Join(s.Dir, name+".crt") }

// Key is the path of a private key.
func (s Store) Key(name string) string { return filepath.Join(s.Dir, name+".key") }

// ServiceAccountKey is the path of the key that signs the tokens of service accounts.
func (s Store) ServiceAccountKey() string { return filepath.Join(s.Dir, "sa.key") }

// ServiceAccountPublicKey is the path of its public half.
func (s Store) ServiceAccountPublicKey() string { return filepath.Join(s.Dir, "sa.pub") }

// Ensure makes what is missing of the cluster's keys and certificates, and keeps what is there: a cluster that is
// mended, or that gets another node, keeps its authorities.
func (s Store) Ensure(c layout.Cluster, now time.Time) error {
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return fmt.Errorf("making the folder of keys: %w", err)
	}
	authorities := make(map[string]*Authority, 2)
	for _, name := range []string{ClusterAuthority, FrontProxyAuthority} {
		authority, err := s.ensureAuthority(name, now)
		if err != nil {
			return err
		}
		authorities[name] = authority
	}
	for _, h := range holders(c) {
		if s.has(h.file) {
			continue
		}
		pair, err := authorities[h.authority].Issue(h.subject, now)
		if err != nil {
			return err
		}
		if err := s.write(h.file, pair); err != nil {
			return err
		}
	}
	return s.ensureSigningKey()
}

// Pair reads a key and certificate.
func (s Store) Pair(name string) (Pair, error) {
	certificate, err := os.ReadFile(s.Certificate(name))
	if err != nil {
		return Pair{}, fmt.Errorf("reading the certificate %s: %w", name, err)
	}
	key, err := os.ReadFile(s.Key(name))
	if err != nil {
		return Pair{}, fmt.Errorf("reading the key of %s: %w", name, err)
	}
	return Pair{Certificate: certificate, Key: key}, nil
}

func (s Store) ensureAuthority(name string, now time.Time) (*Authority, error) {
	if s.has(name) {
		pair, err := s.Pair(name)
		if err != nil {
			return nil, err
		}
		return LoadAuthority(pair)
	}
	authority, err := NewAuthority("quorate-local-"+name, now)
	if err != nil {
		return nil, err
	}
	return authority, s.write(name, authority.Pair())
}

func (s Store) ensureSigningKey() error {
	_, err := os.Stat(s.ServiceAccountPublicKey())
	if err == nil {
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("looking for the key of service accounts: %w", err)
	}
	private, public, err := NewSigningKey()
	if err != nil {
		return err
	}
	if err := writeFile(s.ServiceAccountKey(), private); err != nil {
		return err
	}
	return writeFile(s.ServiceAccountPublicKey(), public)
}

// has tells whether a pair is complete: the certificate is written last.
func (s Store) has(name string) bool {
	_, err := os.Stat(s.Certificate(name))
	return err == nil
}

func (s Store) write(name string, pair Pair) error {
	if err := writeFile(s.Key(name), pair.Key); err != nil {
		return err
	}
	return writeFile(s.Certificate(name), pair.Certificate)
}

// writeFile makes a file appear in one step, so that one that exists is complete.
func writeFile(path string, content []byte) error {
	if err := os.WriteFile(path+".new", content, 0o600); err != nil {
		return fmt.Errorf("writing %s: %w", filepath.Base(path), err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("putting %s in its place: %w", filepath.Base(path), err)
	}
	return nil
}
