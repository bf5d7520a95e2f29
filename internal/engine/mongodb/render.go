// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/quorate/quorate/internal/agent/atomicfile"
	"github.com/quorate/quorate/internal/engine"
)

// dataNames are what a server keeps at the root of its data folder, beside the
// files that dataForms describe. The catalogue of all tables comes first: a
// removal that is cut short leaves nothing that a server would start with.
var dataNames = []string{
	"WiredTiger", "WiredTiger.wt", "WiredTiger.turtle", "WiredTiger.turtle.set", "WiredTiger.lock", "WiredTigerHS.wt",
	"mongod.lock", "storage.bson", "sizeStorer.wt", "journal", "diagnostic.data", "_tmp", "_mdb_catalog.wt",
}

// dataForms are the files of collections and indexes.
var dataForms = []string{"collection-*.wt", "index-*.wt", "internal-*.wt"}

// Renderer writes what differs by member. Its zero value is ready for use.
type Renderer struct{}

var _ engine.Renderer = Renderer{}

// Member returns the key file, which mongod takes only where nobody else can
// read it, and the member's own name.
func (Renderer) Member(in engine.MemberInput) (map[string][]byte, error) {
	if in.Host == "" {
		return nil, fmt.Errorf("rendering the configuration of %s: the name of its pod in DNS is not known", in.Name)
	}
	for _, key := range []string{CredentialKeyFile, CredentialAgent} {
		if len(in.Secrets[key]) == 0 {
			return nil, fmt.Errorf("rendering the configuration of %s: the credential %q is not mounted", in.Name, key)
		}
	}
	return map[string][]byte{KeyFile: KeyFileOf(func(key string) []byte { return in.Secrets[key] }), HostFile: []byte(in.Host)}, nil
}

// HoldsData tells whether any of the names is one that a server writes.
func (Renderer) HoldsData(names []string) bool { return slices.ContainsFunc(names, isState) }

func isState(name string) bool {
	return slices.Contains(dataNames, name) || slices.ContainsFunc(dataForms, func(form string) bool {
		matches, err := filepath.Match(form, name)
		return err == nil && matches
	})
}

// Retire removes all that a server wrote, so that the member comes back as a new
// one. Names that are not a server's stay.
func (Renderer) Retire(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("listing %s to remove the state of the member that left: %w", dir, err)
	}
	names := append(slices.Clone(dataNames), RecoveryFile)
	for _, e := range entries {
		if isState(e.Name()) && !slices.Contains(names, e.Name()) {
			names = append(names, e.Name())
		}
	}
	if err := atomicfile.RemoveAll(dir, names); err != nil {
		return fmt.Errorf("removing the state of the member that left: %w", err)
	}
	return nil
}
