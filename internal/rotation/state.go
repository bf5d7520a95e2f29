// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package rotation renews the certificates by which the manager of a datastore
// and its agents know each other, and says when. It is pure: what is to be
// written next follows from what the three Secrets hold and which of it the
// agents have mounted, so that whoever comes next goes on after any write.
//
// A pair is replaced by one of the same authority, which needs no overlap. An
// authority is replaced in three phases, each of which the agents must have
// mounted before the next begins:
//
//	trust  the next authority is kept beside the present one, and manager and
//	       members trust both
//	issue  the next one issues the pairs of members and manager
//	drop   both trust the next one alone, which then is the present one
//
// So whoever calls and whoever is called trust each other at any moment. A
// member that is not heard holds the next phase up (law 2), but where the
// present authority is not good any more, or not yet: then nobody is trusted
// for its sake, and there is nothing that haste could break.
//
// Nothing is made where a Secret is missing (law 7); that is for the caller to
// see to, who has all three.
package rotation

import (
	"fmt"
	"time"

	"github.com/quorate/quorate/internal/pki"
	"github.com/quorate/quorate/internal/resource"
)

// Keys of the authority's Secret while it holds two.
const (
	NextAuthorityKey        = "next-" + resource.AuthorityKey
	NextAuthorityPrivateKey = "next-" + resource.AuthorityPrivateKey
)

// Secret names one of the three.
type Secret string

// The Secrets of a datastore.
const (
	Authority Secret = "authority"
	Manager   Secret = "manager"
	Member    Secret = "member"
)

// Data is what the Secrets hold, by key.
type Data map[Secret]map[string][]byte

// Mounted is what one member has mounted.
type Mounted struct {
	Member string
	// Hashes are those of its report; nil where the member is silent or does not
	// tell.
	Hashes map[string]string
}

// State is all that a rotation follows from.
type State struct {
	// ClusterID names a new authority.
	ClusterID string
	// Data is what the three Secrets hold, all of which exist.
	Data Data
	// Requested is true where the user asks for a rotation that was not begun.
	Requested bool
	// Members are those that have a pod.
	Members []Mounted
	Now     time.Time
}

// certificates are those of a State, read.
type certificates struct {
	authority pki.Certificate
	// next is nil unless the authority is being replaced.
	next    *pki.Certificate
	holders map[Secret]pki.Certificate
}

// UnreadableError says that a Secret does not hold a certificate that can be
// read. Nothing is made in its place (law 7).
type UnreadableError struct {
	Secret Secret
	Key    string
	Err    error
}

func (e *UnreadableError) Error() string { return fmt.Sprintf("its key %s: %v", e.Key, e.Err) }

// Unwrap returns what is wrong with the certificate.
func (e *UnreadableError) Unwrap() error { return e.Err }

func (s State) read() (certificates, error) {
	out := certificates{holders: map[Secret]pki.Certificate{}}
	var err error
	if out.authority, err = s.certificate(Authority, resource.AuthorityKey); err != nil {
		return out, err
	}
	if s.Data[Authority][NextAuthorityKey] != nil {
		next, err := s.certificate(Authority, NextAuthorityKey)
		if err != nil {
			return out, err
		}
		out.next = &next
	}
	for _, h := range holders {
		if out.holders[h], err = s.certificate(h, resource.CertificateKey); err != nil {
			return out, err
		}
	}
	return out, nil
}

func (s State) certificate(of Secret, key string) (pki.Certificate, error) {
	c, err := pki.ReadCertificate(s.Data[of][key])
	if err != nil {
		return c, &UnreadableError{Secret: of, Key: key, Err: err}
	}
	return c, nil
}

// holders are the Secrets with a pair, in the order in which they are written:
// the members' first, since the kubelets take a minute to mount it, and the
// manager's is in use at once.
var holders = []Secret{Member, Manager}
