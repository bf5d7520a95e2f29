// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package ground

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Patience is for how long one thing that is waited for may take.
const Patience = 3 * time.Minute

// MakeNamespace makes a namespace that enforces a Pod Security level, and
// returns when pods can be made in it.
func (g *Ground) MakeNamespace(ctx context.Context, name, level string) error {
	ns := &corev1.Namespace{}
	ns.Name, ns.Labels = name, map[string]string{"pod-security.kubernetes.io/enforce": level}
	if err := g.K8s.Create(ctx, ns); err != nil {
		return fmt.Errorf("create namespace %s: %w", name, err)
	}
	// Pods need the default service account, which is made after the namespace.
	return Poll(ctx, "the service account of "+name, Patience, func(ctx context.Context) bool {
		return g.K8s.Get(ctx, client.ObjectKey{Namespace: name, Name: "default"}, &corev1.ServiceAccount{}) == nil
	})
}

// RemoveNamespace returns when nothing is left, volumes included, so that what
// comes next has the machine for itself. Nobody waits for servers to end in
// good order.
func (g *Ground) RemoveNamespace(ctx context.Context, name string) error {
	ns := &corev1.Namespace{}
	ns.Name = name
	if err := client.IgnoreNotFound(g.K8s.Delete(ctx, ns)); err != nil {
		return fmt.Errorf("delete namespace %s: %w", name, err)
	}
	if err := g.K8s.DeleteAllOf(ctx, &corev1.Pod{}, client.InNamespace(name), client.GracePeriodSeconds(1)); err != nil {
		return fmt.Errorf("delete the pods of namespace %s: %w", name, err)
	}
	return Poll(ctx, "namespace "+name+" to be gone", Patience, func(ctx context.Context) bool {
		if err := g.K8s.Get(ctx, client.ObjectKeyFromObject(ns), &corev1.Namespace{}); client.IgnoreNotFound(err) != nil || err == nil {
			return false
		}
		var volumes corev1.PersistentVolumeList
		if g.K8s.List(ctx, &volumes) != nil {
			return false
		}
		return !slices.ContainsFunc(volumes.Items, func(v corev1.PersistentVolume) bool {
			return v.Spec.ClaimRef != nil && v.Spec.ClaimRef.Namespace == name
		})
	})
}

// Poll asks five times a second until a thing is so, or fails after the given
// time.
func Poll(ctx context.Context, what string, within time.Duration, is func(context.Context) bool) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for !is(ctx) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, ctx.Err())
		case <-ticker.C:
		}
	}
	return nil
}
