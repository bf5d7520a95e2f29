// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quorate/quorate/api/v1alpha1"
)

// Ledger is the ConfigMap with the text of a ledger. It has no owners yet; see
// KeepOwners.
func Ledger(d *v1alpha1.Datastore, clusterID string, text []byte) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: lastingMeta(d, LedgerName(d.Name), ComponentLedger, clusterID),
		Data:       map[string]string{LedgerKey: string(text)},
	}
}

// lastingMeta is that of a child which outlives the Datastore.
func lastingMeta(d *v1alpha1.Datastore, name, component, clusterID string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Name:      name,
		Namespace: d.Namespace,
		Labels:    merged(commonLabels(d, component), map[string]string{ClusterIDLabel: clusterID}),
	}
}
