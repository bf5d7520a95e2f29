// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"fmt"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

// Options are the settings of the provisioner.
type Options struct {
	// Dir holds all volumes and nothing else. It is made if it does not exist, and must be seen under the same path
	// by the kubelets, in the same mount namespace or in one that receives its mounts.
	Dir string
	// Log receives what the provisioner does. The zero value discards it.
	Log logr.Logger
}

// Run provisions, grows and reclaims volumes until the context ends, and then returns nil. Only one provisioner may
// run for a cluster and for a directory. The classes that it serves are created by Apply. It needs root, and mount,
// mkfs.xfs and xfs_growfs for volumes of fixed size.
func Run(ctx context.Context, cfg *rest.Config, opts Options) error {
	d, err := openDir(opts.Dir)
	if err != nil {
		return err
	}
	log := opts.Log
	if log.GetSink() == nil {
		log = logr.Discard()
	}
	mgr, err := ctrl.NewManager(cfg, ctrl.Options{
		Scheme:  scheme.Scheme,
		Logger:  log,
		Metrics: metricsserver.Options{BindAddress: "0"},
		// A program may run one provisioner after another.
		Controller: config.Controller{SkipNameValidation: ptr.To(true)},
	})
	if err != nil {
		return fmt.Errorf("preparing the provisioner: %w", err)
	}
	recorder := mgr.GetEventRecorder("quorate-storage")
	claims := &claimReconciler{client: mgr.GetClient(), live: mgr.GetAPIReader(), recorder: recorder, disks: d}
	err = ctrl.NewControllerManagedBy(mgr).Named("claims").For(&corev1.PersistentVolumeClaim{}).Complete(claims)
	if err != nil {
		return fmt.Errorf("watching claims: %w", err)
	}
	volumes := &volumeReconciler{client: mgr.GetClient(), live: mgr.GetAPIReader(), recorder: recorder, disks: d}
	err = ctrl.NewControllerManagedBy(mgr).Named("volumes").For(&corev1.PersistentVolume{}).Complete(volumes)
	if err != nil {
		return fmt.Errorf("watching volumes: %w", err)
	}
	if err := mgr.Start(ctx); err != nil {
		return fmt.Errorf("running the provisioner: %w", err)
	}
	return nil
}
