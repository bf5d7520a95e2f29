// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/quorate/quorate/internal/resource"
)

func TestRequestsByLabel(t *testing.T) {
	for name, c := range map[string]struct {
		labels map[string]string
		want   []reconcile.Request
	}{
		"none":      {nil, nil},
		"another's": {map[string]string{"app": "db"}, nil},
		"empty":     {map[string]string{resource.DatastoreLabel: ""}, nil},
		"ours":      {map[string]string{resource.DatastoreLabel: "db"}, []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: "ns", Name: "db"}}}},
	} {
		o := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "db-ledger", Labels: c.labels}}
		if diff := cmp.Diff(c.want, requestsByLabel(t.Context(), o)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
