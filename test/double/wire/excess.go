// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package wire

import "slices"

// Excesses are the requests that no manager may send, whatever it may do by its role: it
// reads Secrets by name alone, and enters no pod (law 11).
func (w *Wire) Excesses() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.excesses)
}

// watchOver notes a request that is one of them.
func (w *Wire) watchOver(x Write) {
	if !exceeds(x) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.excesses = append(w.excesses, x.String())
}

func exceeds(x Write) bool {
	switch x.Resource {
	case "secrets":
		return x.Verb == "list" || x.Verb == "watch" || x.Verb == "deletecollection"
	case "pods/exec", "pods/attach", "pods/portforward", "pods/proxy", "pods/ephemeralcontainers",
		"services/proxy", "nodes/proxy", "serviceaccounts/token": // by the kubelet's own address a node lets into each of its pods
		return true
	default:
		return false
	}
}
