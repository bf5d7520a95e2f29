// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
)

// operated is a Datastore, looked after by the operator.
type operated struct {
	// manifest is the Datastore's, set its name, and secret what of its connection
	// clients need.
	manifest, set, secret string
}

func (operated) key() string       { return "datastore" }
func (operated) title() string     { return "Datastore" }
func (operated) level() string     { return "restricted" }
func (operated) operated() bool    { return true }
func (operated) container() string { return "server" }

func (o operated) service() string          { return o.set + "-client" }
func (operated) claim(member string) string { return "data-" + member }

func (o operated) objects(scheme *runtime.Scheme, s setup) ([]client.Object, error) {
	objects, err := decode(scheme, o.manifest)
	if err != nil {
		return nil, err
	}
	d, ok := objects[0].(*v1alpha1.Datastore)
	if !ok || len(objects) != 1 {
		return nil, errors.New("the manifest is not one Datastore")
	}
	if d.Spec.Storage.Size, err = resource.ParseQuantity(s.storage); err != nil {
		return nil, fmt.Errorf("read the size of volumes: %w", err)
	}
	d.Spec.Replicas, d.Spec.Version = &s.size, s.version
	if s.class != "" {
		d.Spec.Storage.ClassName = &s.class
	}
	if s.replaceLost {
		d.Spec.Storage.Retention.WhenLost = v1alpha1.LostDelete
	}
	var settings object
	if d.Spec.Config != nil {
		if err := json.Unmarshal(d.Spec.Config.Raw, &settings); err != nil {
			return nil, fmt.Errorf("read the Datastore's settings: %w", err)
		}
	}
	raw, err := json.Marshal(merged(settings, s.config))
	if err != nil {
		return nil, fmt.Errorf("encode the Datastore's settings: %w", err)
	}
	d.Spec.Config = &apiextensionsv1.JSON{Raw: raw}
	for name, value := range s.env {
		d.Spec.Pod.Env = append(d.Spec.Pod.Env, v1alpha1.EnvVar{Name: name, Value: value})
	}
	return objects, nil
}

func (o operated) token(ctx context.Context, st *stage) (string, error) {
	var s corev1.Secret
	if err := st.K8s.Get(ctx, client.ObjectKey{Namespace: st.namespace, Name: o.set + "-connection"}, &s); err != nil {
		return "", fmt.Errorf("get the connection: %w", err)
	}
	if len(s.Data[o.secret]) == 0 {
		return "", errors.New("the connection is not complete yet")
	}
	return string(s.Data[o.secret]), nil
}

// unsettled waits for the operator to have nothing left to do.
func (o operated) unsettled(ctx context.Context, st *stage) string {
	var d v1alpha1.Datastore
	if err := st.K8s.Get(ctx, client.ObjectKey{Namespace: st.namespace, Name: o.set}, &d); err != nil {
		return err.Error()
	}
	conditions := d.Status.Conditions
	switch {
	case d.Status.ObservedGeneration != d.Generation:
		return "the Datastore has not been taken up"
	case !meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionReady):
		return "the Datastore is not Ready"
	case !meta.IsStatusConditionFalse(conditions, v1alpha1.ConditionReconciling):
		return "the Datastore is Reconciling"
	}
	return ""
}

func (o operated) spec(ctx context.Context, st *stage, spec object) error {
	return st.patch(ctx, &v1alpha1.Datastore{}, o.set, object{"spec": spec})
}

func (o operated) rollout(ctx context.Context, st *stage) error {
	return o.spec(ctx, st, object{"pod": object{"annotations": object{rolloutAnnotation: time.Now().UTC().Format(time.RFC3339)}}})
}

func (o operated) upgrade(ctx context.Context, st *stage, version string) error {
	return o.spec(ctx, st, object{"version": version})
}

func (o operated) configure(ctx context.Context, st *stage, key string, value any) error {
	return o.spec(ctx, st, object{"config": object{key: value}})
}

func (o operated) scale(ctx context.Context, st *stage, size int32) error {
	return o.spec(ctx, st, object{"replicas": size})
}

func (o operated) grow(ctx context.Context, st *stage, size string) error {
	return o.spec(ctx, st, object{"storage": object{"size": size}})
}
