// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package rotation

import (
	"strings"

	"github.com/quorate/quorate/internal/agent/mounts"
	"github.com/quorate/quorate/internal/resource"
)

// awaited names the members that are not known to have mounted what these keys
// of their Secret hold; empty where all have.
func (s State) awaited(keys ...string) string {
	var stale, silent []string
	for _, m := range s.Members {
		switch {
		case m.Hashes == nil:
			silent = append(silent, m.Member)
		case !s.has(m, keys):
			stale = append(stale, m.Member)
		}
	}
	var out []string
	if len(stale) > 0 {
		out = append(out, "the kubelet has yet to mount it for "+strings.Join(stale, ", "))
	}
	if len(silent) > 0 {
		out = append(out, strings.Join(silent, ", ")+" must be heard first")
	}
	return strings.Join(out, "; ")
}

// behind says who is known to have mounted another pair, or other authorities,
// than there are. Who is silent, or does not tell, is not waited for.
func (s State) behind() string {
	var heard []Mounted
	for _, m := range s.Members {
		if m.Hashes != nil {
			heard = append(heard, m)
		}
	}
	s.Members = heard
	return said("until all members have their new certificate", s.awaited(resource.AuthorityKey, resource.CertificateKey, resource.PrivateKey))
}

func (s State) has(m Mounted, keys []string) bool {
	for _, key := range keys {
		if m.Hashes[mounts.Key(mounts.Member, key)] != mounts.Hash(s.Data[Member][key]) {
			return false
		}
	}
	return true
}

// said writes what is waited for; empty where nothing is.
func said(until, wait string) string {
	if wait == "" {
		return ""
	}
	return "waiting " + until + ": " + wait
}
