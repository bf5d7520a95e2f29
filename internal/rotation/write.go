// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package rotation

import (
	"fmt"
	"maps"

	"github.com/quorate/quorate/internal/pki"
	"github.com/quorate/quorate/internal/resource"
)

// Write returns what the step's Secret is to hold: all that it holds now, with
// the change that the step is. The keys that it makes are random.
func (s State) Write(t Step) (map[string][]byte, error) {
	out := maps.Clone(s.Data[t.Secret])
	switch t.Kind {
	case Introduce:
		pair, err := pki.NewAuthority(s.ClusterID, s.Now)
		if err != nil {
			return nil, fmt.Errorf("make the next authority: %w", err)
		}
		out[NextAuthorityKey], out[NextAuthorityPrivateKey] = pair.Certificate, pair.Key
	case Promote:
		out[resource.AuthorityKey], out[resource.AuthorityPrivateKey] = out[NextAuthorityKey], out[NextAuthorityPrivateKey]
		delete(out, NextAuthorityKey)
		delete(out, NextAuthorityPrivateKey)
	default:
		if t.trust != nil {
			out[resource.AuthorityKey] = t.trust
		}
		if t.issuer == nil {
			break
		}
		pair, err := s.issuePair(t)
		if err != nil {
			return nil, err
		}
		out[resource.CertificateKey], out[resource.PrivateKey] = pair.Certificate, pair.Key
	}
	return out, nil
}

func (s State) issuePair(t Step) (pki.Pair, error) {
	authority, err := pki.LoadAuthority(*t.issuer)
	if err != nil {
		return pki.Pair{}, &UnreadableError{Secret: Authority, Key: resource.AuthorityPrivateKey, Err: err}
	}
	if t.Secret == Manager {
		return authority.Manager(s.Now)
	}
	return authority.Member(s.Now)
}
