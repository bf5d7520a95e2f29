// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package wrappers builds objects for tests, fluently: MakeDatastore("db").Replicas(5).Obj().
package wrappers

import (
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/quorate/quorate/api/v1alpha1"
)

// DatastoreWrapper builds a Datastore. Every method changes the wrapper and returns it.
type DatastoreWrapper struct {
	datastore v1alpha1.Datastore
}

// MakeDatastore starts a Datastore of the given name that the schema accepts: Consul 1.22.3 with volumes of 1Gi in the
// namespace default, and otherwise empty, as a user would write it.
func MakeDatastore(name string) *DatastoreWrapper {
	return &DatastoreWrapper{datastore: v1alpha1.Datastore{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.SchemeGroupVersion.String(), Kind: v1alpha1.DatastoreKind},
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: metav1.NamespaceDefault},
		Spec: v1alpha1.DatastoreSpec{
			Engine:  v1alpha1.EngineConsul,
			Version: "1.22.3",
			Storage: v1alpha1.Storage{Size: resource.MustParse("1Gi")},
		},
	}}
}

// Obj returns a copy of what was built; the wrapper can be built upon further.
func (w *DatastoreWrapper) Obj() *v1alpha1.Datastore {
	return w.datastore.DeepCopy()
}

// Namespace sets the namespace.
func (w *DatastoreWrapper) Namespace(namespace string) *DatastoreWrapper {
	w.datastore.Namespace = namespace
	return w
}

// Users has it be of MongoDB 8.0, with users that the operator keeps.
func (w *DatastoreWrapper) Users(users ...v1alpha1.MongoDBUser) *DatastoreWrapper {
	w.datastore.Spec.Engine, w.datastore.Spec.Version = v1alpha1.EngineMongoDB, "8.0"
	w.datastore.Spec.MongoDB = &v1alpha1.MongoDBSpec{Users: users}
	return w
}

// Cassandra has it be of Cassandra 5.0, with a section.
func (w *DatastoreWrapper) Cassandra(section v1alpha1.CassandraSpec) *DatastoreWrapper {
	w.datastore.Spec.Engine, w.datastore.Spec.Version = v1alpha1.EngineCassandra, "5.0"
	w.datastore.Spec.Cassandra = &section
	return w
}

// UID sets the UID, as the API server would.
func (w *DatastoreWrapper) UID(uid types.UID) *DatastoreWrapper {
	w.datastore.UID = uid
	return w
}

// Generation sets the generation, as the API server would.
func (w *DatastoreWrapper) Generation(generation int64) *DatastoreWrapper {
	w.datastore.Generation = generation
	return w
}

// Annotation adds an annotation to the Datastore itself.
func (w *DatastoreWrapper) Annotation(name, value string) *DatastoreWrapper {
	metav1.SetMetaDataAnnotation(&w.datastore.ObjectMeta, name, value)
	return w
}

// Engine sets spec.engine.
func (w *DatastoreWrapper) Engine(engine v1alpha1.Engine) *DatastoreWrapper {
	w.datastore.Spec.Engine = engine
	return w
}

// Version sets spec.version.
func (w *DatastoreWrapper) Version(version string) *DatastoreWrapper {
	w.datastore.Spec.Version = version
	return w
}

// Image sets spec.image.
func (w *DatastoreWrapper) Image(image string) *DatastoreWrapper {
	w.datastore.Spec.Image = image
	return w
}

// Replicas sets spec.replicas.
func (w *DatastoreWrapper) Replicas(replicas int32) *DatastoreWrapper {
	w.datastore.Spec.Replicas = &replicas
	return w
}

// Paused sets spec.paused.
func (w *DatastoreWrapper) Paused(paused bool) *DatastoreWrapper {
	w.datastore.Spec.Paused = paused
	return w
}

// Stopped sets spec.stopped.
func (w *DatastoreWrapper) Stopped(stopped bool) *DatastoreWrapper {
	w.datastore.Spec.Stopped = stopped
	return w
}

// Disruption sets spec.disruption.
func (w *DatastoreWrapper) Disruption(disruption v1alpha1.Disruption) *DatastoreWrapper {
	w.datastore.Spec.Disruption = disruption
	return w
}

// Retention sets spec.storage.retention.
func (w *DatastoreWrapper) Retention(retention v1alpha1.Retention) *DatastoreWrapper {
	w.datastore.Spec.Storage.Retention = retention
	return w
}

// StorageSize sets spec.storage.size; it panics if that is no quantity.
func (w *DatastoreWrapper) StorageSize(size string) *DatastoreWrapper {
	w.datastore.Spec.Storage.Size = resource.MustParse(size)
	return w
}

// StorageClass sets spec.storage.className.
func (w *DatastoreWrapper) StorageClass(name string) *DatastoreWrapper {
	w.datastore.Spec.Storage.ClassName = &name
	return w
}

// Request adds to spec.resources.requests; it panics if quantity is none.
func (w *DatastoreWrapper) Request(name corev1.ResourceName, quantity string) *DatastoreWrapper {
	if w.datastore.Spec.Resources.Requests == nil {
		w.datastore.Spec.Resources.Requests = corev1.ResourceList{}
	}
	w.datastore.Spec.Resources.Requests[name] = resource.MustParse(quantity)
	return w
}

// Limit adds to spec.resources.limits; it panics if quantity is none.
func (w *DatastoreWrapper) Limit(name corev1.ResourceName, quantity string) *DatastoreWrapper {
	if w.datastore.Spec.Resources.Limits == nil {
		w.datastore.Spec.Resources.Limits = corev1.ResourceList{}
	}
	w.datastore.Spec.Resources.Limits[name] = resource.MustParse(quantity)
	return w
}

// Config sets spec.config to a JSON object.
func (w *DatastoreWrapper) Config(json string) *DatastoreWrapper {
	w.datastore.Spec.Config = &apiextensionsv1.JSON{Raw: []byte(json)}
	return w
}

// Pod changes spec.pod with a function, for what has no method of its own.
func (w *DatastoreWrapper) Pod(change func(*v1alpha1.PodSpec)) *DatastoreWrapper {
	change(&w.datastore.Spec.Pod)
	return w
}

// Datacenter sets spec.consul.datacenter.
func (w *DatastoreWrapper) Datacenter(name string) *DatastoreWrapper {
	w.consul().Datacenter = name
	return w
}

// UI sets spec.consul.ui.enabled.
func (w *DatastoreWrapper) UI(enabled bool) *DatastoreWrapper {
	w.consul().UI.Enabled = ptr.To(enabled)
	return w
}

// UIIngress sets spec.consul.ui.ingress.
func (w *DatastoreWrapper) UIIngress(ingress v1alpha1.Ingress) *DatastoreWrapper {
	w.consul().UI.Ingress = &ingress
	return w
}

// Adopt has a MongoDB set adopted that was made by hand, with claims of a name.
func (w *DatastoreWrapper) Adopt(claimTemplate, setName string) *DatastoreWrapper {
	w.datastore.Spec.Engine, w.datastore.Spec.Version = v1alpha1.EngineMongoDB, "8.0"
	w.datastore.Spec.Adopt = &v1alpha1.Adopt{ClaimTemplate: claimTemplate, SetName: setName, Authentication: v1alpha1.AuthenticationNone}
	return w
}

// AdoptedAuthentication says what the set that is adopted has.
func (w *DatastoreWrapper) AdoptedAuthentication(a v1alpha1.AdoptedAuthentication) *DatastoreWrapper {
	w.datastore.Spec.Adopt.Authentication = a
	return w
}

// KeyFile says that the set which is adopted has authentication, and where its secrets are.
func (w *DatastoreWrapper) KeyFile(key, administrator string) *DatastoreWrapper {
	a := w.datastore.Spec.Adopt
	a.Authentication = v1alpha1.AuthenticationKeyFile
	a.KeyFile = &v1alpha1.AdoptedKeyFile{
		SecretRef: v1alpha1.SecretKeyReference{Name: key, Key: "keyfile"}, AdministratorSecretRef: v1alpha1.SecretReference{Name: administrator},
	}
	return w
}

// Status changes the status with a function.
func (w *DatastoreWrapper) Status(change func(*v1alpha1.DatastoreStatus)) *DatastoreWrapper {
	change(&w.datastore.Status)
	return w
}

func (w *DatastoreWrapper) consul() *v1alpha1.ConsulSpec {
	if w.datastore.Spec.Consul == nil {
		w.datastore.Spec.Consul = &v1alpha1.ConsulSpec{}
	}
	return w.datastore.Spec.Consul
}
