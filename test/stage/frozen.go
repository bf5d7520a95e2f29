// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"context"
	"sync/atomic"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/quorate/quorate/test/double/operator"
)

// Frozen is a client whose reads show a scene as it was when it was frozen, but
// for Secrets, which are never cached. Writes go through.
type Frozen struct {
	client.Client
	view atomic.Pointer[client.Reader]
}

// FreezeNow is an option by which an operator sees a scene as it is now, until
// it is thawed.
func (f *Frozen) FreezeNow(ctx context.Context, s *Scene) func(*operator.Options) {
	return func(o *operator.Options) {
		o.Client = func(c client.Client) client.Client {
			f.Client = c
			f.freeze(ctx, s)
			return f
		}
	}
}

func (f *Frozen) freeze(ctx context.Context, s *Scene) {
	GinkgoHelper()
	var view client.Reader = fake.NewClientBuilder().WithScheme(Types).WithObjects(s.Objects(ctx)...).Build()
	f.view.Store(&view)
	Expect(f.view.Load()).NotTo(BeNil())
}

// Thaw shows what the cache has again.
func (f *Frozen) Thaw() { f.view.Store(nil) }

// Get implements client.Reader.
func (f *Frozen) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	view := f.view.Load()
	if _, secret := o.(*corev1.Secret); secret || view == nil {
		return f.Client.Get(ctx, key, o, opts...)
	}
	return (*view).Get(ctx, key, o, opts...)
}

// List implements client.Reader.
func (f *Frozen) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	view := f.view.Load()
	if view == nil {
		return f.Client.List(ctx, list, opts...)
	}
	return (*view).List(ctx, list, opts...)
}
