//go:build controlplane

// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/test/double/operator"
)

func withAgentImage(image string) func(*operator.Options) {
	return func(o *operator.Options) { o.AgentImage = image }
}

// backwards is a client that lists everything in the other order.
type backwards struct{ client.Client }

func listBackwards(o *operator.Options) {
	o.Client = func(c client.Client) client.Client { return backwards{c} }
}

// List implements client.Reader.
func (b backwards) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	if err := b.Client.List(ctx, list, opts...); err != nil {
		return err
	}
	var items []runtime.Object
	err := meta.EachListItem(list, func(o runtime.Object) error {
		items = append(items, o.DeepCopyObject())
		return nil
	})
	if err != nil {
		return err
	}
	slices.Reverse(items)
	return meta.SetList(list, items)
}
