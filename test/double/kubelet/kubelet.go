// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package kubelet stands in for what keeps pods: a controller of StatefulSets
// that makes pods and claims as the real one does for Parallel and OnDelete,
// and a kubelet that tells how the containers of members are, after what the
// members of package members do.
//
// Where the real controllers run, only the part of the kubelet is used that
// comes after a pod has got its address.
package kubelet

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quorate/quorate/test/double/members"
)

// Options say how much of Kubernetes is missing.
type Options struct {
	// Alone is true where no other controller or kubelet runs: then sets, claims
	// and addresses are seen to as well. Else volumes are, which nobody makes.
	Alone bool
}

// New returns a manager that runs the doubles until its context ends.
func New(cfg *rest.Config, scheme *runtime.Scheme, world *members.World, o Options) (manager.Manager, error) {
	cfg = rest.CopyConfig(cfg)
	cfg.QPS = -1
	mgr, err := ctrl.NewManager(cfg, ctrl.Options{
		Scheme:     scheme,
		Metrics:    metricsserver.Options{BindAddress: "0"},
		Controller: config.Controller{SkipNameValidation: ptr.To(true)},
		// Secrets and ConfigMaps are read as a kubelet would when a pod starts.
		Client: client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{&corev1.Secret{}, &corev1.ConfigMap{}}}},
	})
	if err != nil {
		return nil, fmt.Errorf("make the manager of the doubles: %w", err)
	}
	woken := make(chan event.GenericEvent, 1<<16)
	world.Changed = func(pod types.NamespacedName) {
		woken <- event.GenericEvent{Object: &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name}}}
	}
	pods := &podKeeper{Client: mgr.GetClient(), seen: mgr.GetCache(), world: world, alone: o.Alone}
	if err := pods.setup(mgr, woken); err != nil {
		return nil, err
	}
	setups := []func(manager.Manager) error{(&volumeKeeper{Client: mgr.GetClient()}).setup}
	if o.Alone {
		setups = []func(manager.Manager) error{(&setKeeper{Client: mgr.GetClient()}).setup, (&claimKeeper{Client: mgr.GetClient()}).setup, (&budgetKeeper{Client: mgr.GetClient()}).setup, (&storage{Client: mgr.GetClient()}).setup}
	}
	for _, setup := range setups {
		if err := setup(mgr); err != nil {
			return nil, err
		}
	}
	return mgr, nil
}
