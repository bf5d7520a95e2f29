// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/layout"
	"github.com/quorate/quorate/internal/plan"
	"github.com/quorate/quorate/internal/resource"
)

// ledgerFile is the ledger of one datastore and the object that it was read
// from. Every write is a compare-and-swap on that object's resourceVersion, so
// that of two managers only one can grant.
type ledgerFile struct {
	object *corev1.ConfigMap // nil where there is none
	ledger *plan.Ledger      // nil where there is none
}

// readLedger gets the ledger from the API server itself: what a cache showed
// may be older than the last grant.
func readLedger(ctx context.Context, r client.Reader, d *v1alpha1.Datastore) (*ledgerFile, error) {
	var cm corev1.ConfigMap
	err := r.Get(ctx, types.NamespacedName{Namespace: d.Namespace, Name: resource.LedgerName(d.Name)}, &cm)
	if apierrors.IsNotFound(err) {
		return &ledgerFile{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("get ledger of %s: %w", d.Name, err)
	}
	var l plan.Ledger
	if err := json.Unmarshal([]byte(cm.Data[resource.LedgerKey]), &l); err != nil || !plausible(d.Name, &l) {
		l = plan.Ledger{} // whoever wrote it, it is not ours
	}
	if ours, why := resource.OwnedByCluster(&cm, d, resource.ComponentLedger, l.ClusterID); !ours {
		return nil, &conflictError{what: "ConfigMap " + cm.Name, why: why}
	}
	return &ledgerFile{object: &cm, ledger: &l}, nil
}

// plausible tells whether a ledger can have been written here: all of it is
// about members that there can be, by the racks that it has itself: whether these are the
// Datastore's is another question, see misnamed.
func plausible(datastore string, l *plan.Ledger) bool {
	of := layout.New(datastore, l.Racks...)
	for name := range l.Members {
		if i, ok := of.Number(name); !ok || i >= mostMembers {
			return false
		}
	}
	return l.Epoch >= 0 && l.FormationSize >= 0 && l.FormationSize <= mostMembers
}

// says tells whether the stored ledger says the same and has these owners.
func (f *ledgerFile) says(next *plan.Ledger, d *v1alpha1.Datastore, claims []*corev1.PersistentVolumeClaim) bool {
	if f.object == nil || !next.Equal(f.ledger) {
		return false
	}
	have := f.object.OwnerReferences
	return len(resource.KeepOwners(have, d, claims)) == len(have)
}

// write stores the next ledger if it says anything new, and keeps the owners
// that the ledger shall live as long as.
func (f *ledgerFile) write(ctx context.Context, c client.Client, d *v1alpha1.Datastore, claims []*corev1.PersistentVolumeClaim, next *plan.Ledger) error {
	text, err := json.Marshal(next)
	if err != nil {
		return fmt.Errorf("write ledger of %s: %w", d.Name, err)
	}
	if f.object == nil {
		cm := resource.Ledger(d, next.ClusterID, text)
		cm.OwnerReferences = resource.KeepOwners(nil, d, claims)
		if err := c.Create(ctx, cm); err != nil {
			return fmt.Errorf("create ledger of %s: %w", d.Name, err)
		}
		f.object, f.ledger = cm, next
		return nil
	}
	if f.says(next, d, claims) {
		return nil
	}
	cm := f.object.DeepCopy()
	cm.Data = map[string]string{resource.LedgerKey: string(text)}
	cm.Labels[resource.ClusterIDLabel] = next.ClusterID // another one only where the user agreed to it
	cm.OwnerReferences = resource.KeepOwners(f.object.OwnerReferences, d, claims)
	if err := c.Update(ctx, cm); err != nil {
		return fmt.Errorf("update ledger of %s: %w", d.Name, err)
	}
	f.object, f.ledger = cm, next
	return nil
}
