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

// Ownership says whose an object of a child's name is.
type Ownership int

const (
	// Absent: there is none, and it may be made.
	Absent Ownership = iota
	// Ours: it may be changed.
	Ours
	// Former: it is that of a Datastore of the same name which was deleted.
	// Garbage collection removes it; until then it is to be left alone, and
	// waited for.
	Former
	// Foreign: it is somebody else's and never touched, nor adopted (law 9).
	Foreign
)

// String returns the name.
func (o Ownership) String() string {
	return [...]string{"Absent", "Ours", "Former", "Foreign"}[o]
}

// Owned tells whose an object is that the Datastore would control, by the UID
// of its controller. The message, for Former and Foreign, names the object,
// its owner and the remedy. Existing may be nil.
func Owned(existing client.Object, d *v1alpha1.Datastore) (Ownership, string) {
	if isNil(existing) {
		return Absent, ""
	}
	controller := metav1.GetControllerOf(existing)
	switch {
	case controller == nil:
		return Foreign, foreignMessage(existing, "has no owner")
	case controller.UID == d.UID:
		return Ours, ""
	case isDatastore(*controller) && controller.Name == d.Name:
		return Former, fmt.Sprintf("%s %s still belongs to a deleted Datastore of the same name (UID %s): wait until it is gone",
			kindOf(existing), existing.GetName(), controller.UID)
	default:
		return Foreign, foreignMessage(existing, fmt.Sprintf("belongs to %s %s", controller.Kind, controller.Name))
	}
}

// OwnedByCluster tells whose an object is that outlives the Datastore, such as
// a credential, by its labels: name, component and the identity of the set. It
// is never Former, since a Datastore of the same name takes it over.
func OwnedByCluster(existing client.Object, d *v1alpha1.Datastore, component, clusterID string) (Ownership, string) {
	if isNil(existing) {
		return Absent, ""
	}
	have := existing.GetLabels()
	controller := metav1.GetControllerOf(existing)
	switch {
	case controller != nil:
		return Foreign, foreignMessage(existing, fmt.Sprintf("belongs to %s %s", controller.Kind, controller.Name))
	case have[DatastoreLabel] != d.Name || have[ComponentLabel] != component:
		return Foreign, foreignMessage(existing, "was not made for a Datastore")
	case clusterID == "" || have[ClusterIDLabel] != clusterID:
		return Foreign, foreignMessage(existing, fmt.Sprintf("belongs to the set %q, and this one is %q", have[ClusterIDLabel], clusterID))
	default:
		return Ours, ""
	}
}

// foreignMessage is a sentence with the remedy.
func foreignMessage(o client.Object, whose string) string {
	return fmt.Sprintf("%s %s is needed, but exists already and %s: remove or rename it, or give the Datastore another name",
		kindOf(o), o.GetName(), whose)
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
