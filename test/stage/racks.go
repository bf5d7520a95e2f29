// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
	"github.com/quorate/quorate/internal/engine/consul/consulagent"
	"github.com/quorate/quorate/test/double/operator"
)

// Racks are some, in their order, each in the zone of its name.
type Racks []string

// shelved is Consul in racks.
type shelved struct {
	consul.Engine
	racks Racks
}

func (e shelved) Racks(*v1alpha1.Datastore) (out []engine.Rack) {
	for _, name := range e.racks {
		out = append(out, engine.Rack{Name: name, Zone: name})
	}
	return out
}

// Operator is an option by which every Datastore has these racks.
func (r Racks) Operator(o *operator.Options) {
	kit := consulagent.Kit()
	kit.Engine = shelved{racks: r}
	o.Kit = &kit
}

// Hold tells the servers of a Datastore before anything else is done.
func (r Racks) Hold(then func(context.Context, *v1alpha1.Datastore)) func(context.Context, *v1alpha1.Datastore) {
	return func(ctx context.Context, d *v1alpha1.Datastore) {
		GinkgoHelper()
		World.Racks(client.ObjectKeyFromObject(d), r...)
		then(ctx, d)
	}
}
