// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"
	"sort"

	"github.com/quorate/quorate/api/v1alpha1"
)

// Registry holds the engines that this build brings, by name.
type Registry struct {
	kits map[v1alpha1.Engine]Kit
}

// NewRegistry returns a registry of the given kits. A name given twice is a
// fault of the program, not of its input.
func NewRegistry(kits ...Kit) (*Registry, error) {
	r := &Registry{kits: map[v1alpha1.Engine]Kit{}}
	for _, k := range kits {
		if _, dup := r.kits[k.Name]; dup {
			return nil, fmt.Errorf("engine %q is registered twice", k.Name)
		}
		r.kits[k.Name] = k
	}
	return r, nil
}

// Kit returns the kit of a name, or an error that lists the known ones.
func (r *Registry) Kit(name v1alpha1.Engine) (Kit, error) {
	k, ok := r.kits[name]
	if !ok {
		return Kit{}, fmt.Errorf("engine %q is not known to this version of Quorate, which brings %v", name, r.Names())
	}
	return k, nil
}

// Names returns the known names in order.
func (r *Registry) Names() []v1alpha1.Engine {
	out := make([]v1alpha1.Engine, 0, len(r.kits))
	for n := range r.kits {
		out = append(out, n)
	}
	sort.Slice(out, func(i, j int) bool { return out[i] < out[j] })
	return out
}
