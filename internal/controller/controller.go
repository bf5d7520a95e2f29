// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package controller reconciles Datastores: it observes, has package plan
// decide, and acts. All decisions about members are made there; what is here
// is input and output.
package controller

import (
	"context"
	"fmt"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/fleet"
	"github.com/quorate/quorate/internal/resource"
)

// +kubebuilder:rbac:groups=quorate.dev,resources=datastores,verbs=get;list;watch
// +kubebuilder:rbac:groups=quorate.dev,resources=datastores/status,verbs=get;patch;update
// +kubebuilder:rbac:groups=quorate.dev,resources=datastores/finalizers,verbs=update
// +kubebuilder:rbac:groups=apps,resources=statefulsets,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=services,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=configmaps,verbs=get;list;watch;create;patch;update
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;create;patch;update
// +kubebuilder:rbac:groups="",resources=pods,verbs=get;list;watch;patch;delete
// +kubebuilder:rbac:groups="",resources=persistentvolumeclaims,verbs=get;list;watch;patch;delete
// +kubebuilder:rbac:groups="",resources=persistentvolumes,verbs=get
// +kubebuilder:rbac:groups="",resources=nodes,verbs=get;list
// +kubebuilder:rbac:groups=networking.k8s.io,resources=networkpolicies,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=networking.k8s.io,resources=ingresses,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=policy,resources=poddisruptionbudgets,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Settings are those of the operator, not of one Datastore.
type Settings struct {
	// AgentImage is the image of the init container and the agent in pods that
	// are made from now on.
	AgentImage string
	// ClusterDomain is the DNS domain of the cluster, such as cluster.local.
	ClusterDomain string
	// Namespace is the operator's own, from which the agents are reached.
	Namespace string
	// StatusEvery is how long detail must last before the status tells of it.
	StatusEvery time.Duration
	// Resync is how often a Datastore at rest is looked at all the same.
	Resync time.Duration
	// BurnIn is for how long a server has to have run before anything is done
	// after which the version before it could not be put back.
	BurnIn time.Duration
	// Concurrency is how many Datastores are reconciled at once.
	Concurrency int
}

// Reconciler brings Datastores to what their specifications say.
type Reconciler struct {
	client.Client
	// Live reads from the API server itself. The ledger, Secrets and what a
	// disruptive action is about are never read from a cache.
	Live     client.Reader
	Engines  *engine.Registry
	Connect  fleet.Connect
	Recorder events.EventRecorder
	Settings Settings
	// Metrics tell of what is reconciled; nil has nobody be told.
	Metrics *Metrics
	// Now is the clock of status writes and certificates; no decision about
	// members hangs on it.
	Now func() time.Time

	fleet *fleet.Fleet
	*tenure
}

// retryFirst and retryMost bound the pause before a pass that failed is
// repeated. What is usual, a quarter of an hour at most, is too long for a set
// that waits for its next step while the API server recovers.
const (
	retryFirst = 20 * time.Millisecond
	retryMost  = 15 * time.Second
)

// Reconcile is one pass over one Datastore. Every path ends in one report.
//
// A Datastore that is being deleted needs nothing of us: its children go with
// their owner, and ledger and credentials stay as long as the claims do.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var d v1alpha1.Datastore
	if err := r.Get(ctx, req.NamespacedName, &d); err != nil {
		r.drop(req.NamespacedName)
		if apierrors.IsNotFound(err) {
			return ctrl.Result{}, nil
		}
		return ctrl.Result{}, fmt.Errorf("get Datastore %s: %w", req, err)
	}
	if d.DeletionTimestamp != nil {
		r.drop(req.NamespacedName)
		return ctrl.Result{}, nil
	}
	p := newPass(r, &d)
	err := p.run(ctx)
	return p.report(ctx, err)
}

// drop forgets what is kept in mind of a Datastore that is gone, but for the
// little that is kept by its UID.
func (r *Reconciler) drop(key types.NamespacedName) {
	r.fleet.Forget(key)
	r.Metrics.forget(key)
}

// SetupWithManager registers the controller: Datastores, what they own, the
// pods, claims and ledgers that bear their label, and the reports of the agents.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	r.tenure = newTenure()
	if r.Metrics == nil {
		r.Metrics = NewMetrics(r.Now)
	}
	woken := make(chan workqueue.TypedRateLimitingInterface[reconcile.Request], 1)
	var once sync.Once
	var queue workqueue.TypedRateLimitingInterface[reconcile.Request]
	r.fleet = fleet.New(r.Connect, func(key types.NamespacedName) {
		once.Do(func() { queue = <-woken })
		queue.Add(reconcile.Request{NamespacedName: key})
	})
	reports := source.Func(func(_ context.Context, q workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
		woken <- q
		return nil
	})
	letGo := manager.RunnableFunc(func(ctx context.Context) error {
		<-ctx.Done()
		r.fleet.Close()
		return nil
	})
	if err := mgr.Add(letGo); err != nil {
		return fmt.Errorf("let go of the agents at the end: %w", err)
	}
	byLabel := handler.EnqueueRequestsFromMapFunc(requestsByLabel)
	err := ctrl.NewControllerManagedBy(mgr).
		For(&v1alpha1.Datastore{}).
		Named("datastore").
		Owns(&appsv1.StatefulSet{}).
		Owns(&corev1.Service{}).
		Owns(&policyv1.PodDisruptionBudget{}).
		Owns(&networkingv1.NetworkPolicy{}).
		Owns(&networkingv1.Ingress{}).
		Watches(&corev1.ConfigMap{}, byLabel).
		Watches(&corev1.Pod{}, byLabel).
		Watches(&corev1.PersistentVolumeClaim{}, byLabel).
		WatchesRawSource(reports).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: max(r.Settings.Concurrency, 1),
			// In turn: by priority, one that was there when the manager started waits
			// for as long as others have anything to do.
			UsePriorityQueue: ptr.To(false),
			RateLimiter:      workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](retryFirst, retryMost),
		}).
		Complete(r)
	if err != nil {
		return fmt.Errorf("build the controller: %w", err)
	}
	return nil
}

// requestsByLabel maps an object to the Datastore that its label names.
func requestsByLabel(_ context.Context, o client.Object) []reconcile.Request {
	name := o.GetLabels()[resource.DatastoreLabel]
	if name == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: o.GetNamespace(), Name: name}}}
}
