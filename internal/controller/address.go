// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/internal/resource"
)

// formerAddress is the one that the Service of a member had before somebody
// deleted it, as the members' configuration still has it; empty where there was
// none. A running server advertises that address, and its peers know it by it.
func (p *pass) formerAddress(desired client.Object) string {
	service, ok := desired.(*corev1.Service)
	if !ok || p.snapshot.config == nil {
		return ""
	}
	if _, ok := p.layout().Number(service.Name); !ok {
		return ""
	}
	return resource.AddressesOf(p.snapshot.config)[service.Name]
}

// createAt makes a Service again at the address that it had. Where somebody else
// has that by now it gets another one, which its member takes up when its pod is
// made anew.
func (p *pass) createAt(ctx context.Context, sealed *unstructured.Unstructured, desired client.Object, address, what string) (client.Object, error) {
	at := sealed.DeepCopy()
	if err := unstructured.SetNestedField(at.Object, address, "spec", "clusterIP"); err != nil {
		return nil, fmt.Errorf("render %s: %w", what, err)
	}
	err := p.Create(ctx, at, client.FieldOwner(resource.FieldOwner))
	if err == nil {
		return decode(at, desired)
	}
	if !apierrors.IsInvalid(err) {
		return nil, fmt.Errorf("create %s: %w", what, err)
	}
	if err := p.Create(ctx, sealed, client.FieldOwner(resource.FieldOwner)); err != nil {
		return nil, fmt.Errorf("create %s: %w", what, err)
	}
	return decode(sealed, desired)
}
