// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"encoding/json"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/hack/bench/manifests"
)

const (
	// uiService is the tutorial's Service with an address of its own, and the
	// only one that clients can use.
	uiService = "consul-ui"
	// configMap and configFile hold the tutorial's settings.
	configMap, configFile = "consulconfig", "consul.json"
	image                 = "hashicorp/consul:"
)

// byHand is the tutorial's, looked after by a person with kubectl.
type byHand struct{}

func (byHand) key() string       { return "tutorial" }
func (byHand) title() string     { return "tutorial" }
func (byHand) level() string     { return "privileged" }
func (byHand) operated() bool    { return false }
func (byHand) service() string   { return uiService }
func (byHand) container() string { return "consul" }

func (byHand) claim(member string) string { return "data-" + member }

func (byHand) token(context.Context, *stage) (string, error) { return "", nil }

func (byHand) unsettled(context.Context, *stage) string { return "" }

// objects are those of the manifest, and the tutorial's consul-ui. Pods are made
// one after the other, which is the default of a StatefulSet.
func (byHand) objects(scheme *runtime.Scheme, s setup) ([]client.Object, error) {
	objects, err := decode(scheme, manifests.Tutorial("OrderedReady"))
	if err != nil {
		return nil, err
	}
	for _, o := range objects {
		switch it := o.(type) {
		case *appsv1.StatefulSet:
			err = s.shape(it, image)
		case *corev1.ConfigMap:
			err = changeSettings(it, s.config)
		}
		if err != nil {
			return nil, err
		}
	}
	ui := &corev1.Service{Spec: corev1.ServiceSpec{
		Selector: map[string]string{"app": manifests.Name}, Ports: []corev1.ServicePort{{Name: "http", Port: 8500}},
	}}
	ui.Name = uiService
	return append(objects, ui), nil
}

func changeSettings(m *corev1.ConfigMap, over object) error {
	var settings object
	if err := json.Unmarshal([]byte(m.Data[configFile]), &settings); err != nil {
		return fmt.Errorf("read the tutorial's settings: %w", err)
	}
	text, err := json.MarshalIndent(merged(settings, over), "", "  ")
	if err != nil {
		return fmt.Errorf("encode the tutorial's settings: %w", err)
	}
	m.Data[configFile] = string(text)
	return nil
}

func (byHand) rollout(ctx context.Context, st *stage) error {
	return handSet(manifests.Name).rollout(ctx, st)
}

func (b byHand) upgrade(ctx context.Context, st *stage, version string) error {
	return handSet(manifests.Name).run(ctx, st, b.container(), image+version)
}

// configure changes the ConfigMap, which restarts nothing, and then the pods.
func (b byHand) configure(ctx context.Context, st *stage, key string, value any) error {
	var m corev1.ConfigMap
	if err := st.K8s.Get(ctx, client.ObjectKey{Namespace: st.namespace, Name: configMap}, &m); err != nil {
		return fmt.Errorf("get the tutorial's settings: %w", err)
	}
	if err := changeSettings(&m, object{key: value}); err != nil {
		return err
	}
	if err := st.K8s.Update(ctx, &m); err != nil {
		return fmt.Errorf("change the tutorial's settings: %w", err)
	}
	return b.rollout(ctx, st)
}

func (byHand) scale(ctx context.Context, st *stage, size int32) error {
	return handSet(manifests.Name).change(ctx, st, object{"replicas": size})
}

// grow changes every claim, since those of a StatefulSet's template cannot be.
func (b byHand) grow(ctx context.Context, st *stage, size string) error {
	for _, m := range st.before.Members {
		change := object{"spec": object{"resources": object{"requests": object{"storage": size}}}}
		if err := st.patch(ctx, &corev1.PersistentVolumeClaim{}, b.claim(m.Name), change); err != nil {
			return err
		}
	}
	return nil
}
