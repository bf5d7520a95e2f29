// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package pki issues the certificates by which manager and agents know each
// other: an authority of its own for each datastore, one pair for the manager
// and one that all members share.
//
// Nothing here is stored or sent. Apart from the keys and serial numbers,
// which are random, the outcome follows from the arguments alone.
package pki

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

const (
	// AuthorityValidity says for how long an authority is good.
	AuthorityValidity = 10 * 365 * 24 * time.Hour
	// LeafValidity says for how long the pairs of manager and members are good.
	// Renewal begins with the last third, four months before the end.
	LeafValidity = 365 * 24 * time.Hour
	// skew is by how much the clocks of two machines may differ.
	skew = time.Hour
)

const (
	certificateBlock = "CERTIFICATE"
	keyBlock         = "PRIVATE KEY"
)

// Pair is a certificate and its key, both in PEM.
type Pair struct {
	Certificate, Key []byte
}

// Authority signs the certificates of one datastore.
type Authority struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

// NewAuthority makes the authority of a datastore and returns it in PEM for
// safe-keeping. The identity tells it from others for a person who reads the
// certificate; a cluster ID serves well, since the standard allows 64 bytes.
func NewAuthority(identity string, now time.Time) (Pair, error) {
	key, err := newKey()
	if err != nil {
		return Pair{}, err
	}
	template, err := authorityTemplate(identity, now)
	if err != nil {
		return Pair{}, err
	}
	pair, err := sign(template, template, key, key)
	if err != nil {
		return Pair{}, fmt.Errorf("make the authority %q: %w", identity, err)
	}
	return pair, nil
}

// LoadAuthority reads an authority made by NewAuthority.
func LoadAuthority(pair Pair) (*Authority, error) {
	cert, err := parseCertificate(pair.Certificate)
	if err != nil {
		return nil, fmt.Errorf("read the authority's certificate: %w", err)
	}
	if !cert.IsCA {
		return nil, errors.New("read the authority's certificate: it is not one of an authority")
	}
	key, err := parseKey(pair.Key)
	if err != nil {
		return nil, fmt.Errorf("read the authority's key: %w", err)
	}
	if pub, ok := cert.PublicKey.(*ecdsa.PublicKey); !ok || !pub.Equal(key.Public()) {
		return nil, errors.New("read the authority: certificate and key do not belong together")
	}
	return &Authority{certificate: cert, key: key}, nil
}

// Manager issues the pair with which the manager calls agents.
func (a *Authority) Manager(now time.Time) (Pair, error) {
	template, err := managerTemplate(now)
	if err != nil {
		return Pair{}, err
	}
	return a.issue(template, "manager")
}

// Member issues the pair that the members of the datastore share. DNSNames are
// further names, for what the members' own servers may need.
func (a *Authority) Member(now time.Time, dnsNames ...string) (Pair, error) {
	template, err := memberTemplate(now, dnsNames)
	if err != nil {
		return Pair{}, err
	}
	return a.issue(template, "member")
}

func (a *Authority) issue(template *x509.Certificate, whose string) (Pair, error) {
	if template.NotAfter.After(a.certificate.NotAfter) {
		template.NotAfter = a.certificate.NotAfter
	}
	key, err := newKey()
	if err != nil {
		return Pair{}, err
	}
	pair, err := sign(template, a.certificate, key, a.key)
	if err != nil {
		return Pair{}, fmt.Errorf("issue the %s certificate: %w", whose, err)
	}
	return pair, nil
}

func newKey() (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate a key: %w", err)
	}
	return key, nil
}

// sign returns the certificate of the subject's key, signed by the issuer's.
func sign(template, issuer *x509.Certificate, subject *ecdsa.PrivateKey, by crypto.Signer) (Pair, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, subject.Public(), by)
	if err != nil {
		return Pair{}, fmt.Errorf("sign: %w", err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(subject)
	if err != nil {
		return Pair{}, fmt.Errorf("encode the key: %w", err)
	}
	return Pair{
		Certificate: pem.EncodeToMemory(&pem.Block{Type: certificateBlock, Bytes: der}),
		Key:         pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: keyDER}),
	}, nil
}

// parseCertificate reads the first certificate of a PEM text.
func parseCertificate(text []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(bytes.TrimSpace(text))
	if block == nil || block.Type != certificateBlock {
		return nil, errors.New("no certificate in PEM")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("parse: %w", err)
	}
	return cert, nil
}

func parseKey(text []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(bytes.TrimSpace(text))
	if block == nil || block.Type != keyBlock {
		return nil, errors.New("no key in PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("parse: %w", err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a key of type %T cannot sign", key)
	}
	return signer, nil
}
