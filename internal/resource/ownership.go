// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"fmt"
	"reflect"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
)

// Owned tells whether an object is this Datastore's child, by the UID of its
// controller, and else why not, as a clause. What is not is never touched, nor
// adopted, whatever its name and labels (law 9).
func Owned(existing client.Object, d *v1alpha1.Datastore) (bool, string) {
	controller := metav1.GetControllerOf(existing)
	switch {
	case controller == nil:
		return false, "it has no owner"
	case controller.UID == d.UID:
		return true, ""
	case Former(existing, d):
		return false, fmt.Sprintf("it belongs to a Datastore of the same name that was deleted (UID %s) and goes by itself", controller.UID)
	default:
		return false, fmt.Sprintf("it belongs to %s %s", controller.Kind, controller.Name)
	}
}

// Former tells whether an object is a child of another Datastore of the same
// name, which must have been deleted. Garbage collection removes it, so it is
// to be waited for and not complained about.
func Former(existing client.Object, d *v1alpha1.Datastore) bool {
	controller := metav1.GetControllerOf(existing)
	return controller != nil && controller.UID != d.UID && controller.Name == d.Name && isDatastore(*controller)
}

// OwnedByCluster tells whether an object that outlives the Datastore, a ledger
// or a credential, is this set's, by its labels: name, component and identity.
// Else it says why not, as a clause.
func OwnedByCluster(existing client.Object, d *v1alpha1.Datastore, component, clusterID string) (bool, string) {
	have := existing.GetLabels()
	controller := metav1.GetControllerOf(existing)
	switch {
	case controller != nil:
		return false, fmt.Sprintf("it belongs to %s %s", controller.Kind, controller.Name)
	case have[DatastoreLabel] != d.Name || have[ComponentLabel] != component:
		return false, "it was not made for this Datastore"
	case clusterID == "" || have[ClusterIDLabel] != clusterID:
		return false, fmt.Sprintf("it is of the set %q, and this one is %q", have[ClusterIDLabel], clusterID)
	default:
		return true, ""
	}
}

func isDatastore(ref metav1.OwnerReference) bool {
	group, err := schema.ParseGroupVersion(ref.APIVersion)
	return err == nil && group.Group == v1alpha1.SchemeGroupVersion.Group && ref.Kind == v1alpha1.DatastoreKind
}

// kindOf returns the kind of an object, also of a typed one that was read and
// so does not name it.
func kindOf(o client.Object) string {
	if kind := o.GetObjectKind().GroupVersionKind().Kind; kind != "" {
		return kind
	}
	return reflect.TypeOf(o).Elem().Name()
}

// isNil also finds a nil pointer of some type, which a map of children holds
// for what is not there.
func isNil(o client.Object) bool {
	return o == nil || reflect.ValueOf(o).IsNil()
}
