// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package kubelet

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/quorate/quorate/internal/layout"
	"github.com/quorate/quorate/internal/resource"
)

// setKeeper makes and deletes pods for StatefulSets that are Parallel and
// OnDelete and keep their claims.
type setKeeper struct{ client.Client }

func (k *setKeeper) setup(mgr manager.Manager) error {
	err := ctrl.NewControllerManagedBy(mgr).Named("statefulset").
		For(&appsv1.StatefulSet{}).Owns(&corev1.Pod{}).
		Watches(&corev1.Pod{}, handler.EnqueueRequestsFromMapFunc(setsOfClaims)).
		Watches(&corev1.PersistentVolumeClaim{}, handler.EnqueueRequestsFromMapFunc(setsOfClaims)).
		WithOptions(controller.Options{MaxConcurrentReconciles: 4}).Complete(k)
	if err != nil {
		return fmt.Errorf("set up the double of the StatefulSet controller: %w", err)
	}
	return nil
}

// setsOfClaims maps a claim, or a pod that has lost its set, to the set of the name in its labels.
func setsOfClaims(_ context.Context, o client.Object) []reconcile.Request {
	name, rack := o.GetLabels()[resource.DatastoreLabel], o.GetLabels()[resource.RackLabel]
	if rack != "" {
		name = layout.New(name, rack).StatefulSets()[0]
	}
	return []reconcile.Request{{NamespacedName: client.ObjectKey{Namespace: o.GetNamespace(), Name: name}}}
}

// Reconcile makes the pods be those of the set. A pod of the name that is
// another's is left alone.
func (k *setKeeper) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var set appsv1.StatefulSet
	if err := k.Get(ctx, req.NamespacedName, &set); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if set.DeletionTimestamp != nil {
		return ctrl.Result{}, k.orphan(ctx, &set)
	}
	if err := k.adopt(ctx, &set); err != nil {
		return ctrl.Result{}, err
	}
	for i := range *set.Spec.Replicas {
		if err := k.ensure(ctx, &set, i); err != nil {
			return ctrl.Result{}, err
		}
	}
	var pods corev1.PodList
	if err := k.List(ctx, &pods, client.InNamespace(set.Namespace), client.MatchingLabels(set.Spec.Selector.MatchLabels)); err != nil {
		return ctrl.Result{}, fmt.Errorf("list pods of %s: %w", set.Name, err)
	}
	for i := range pods.Items {
		p := &pods.Items[i]
		if !metav1.IsControlledBy(p, &set) || p.DeletionTimestamp != nil || ordinalOf(p) < int(*set.Spec.Replicas) {
			continue
		}
		if err := k.Delete(ctx, p, client.Preconditions{UID: &p.UID}); client.IgnoreNotFound(err) != nil {
			return ctrl.Result{}, fmt.Errorf("delete pod %s: %w", p.Name, err)
		}
	}
	return ctrl.Result{}, k.tell(ctx, &set)
}

// adopt makes pods the set's that have its labels and a name of its pods, and belong to
// nobody.
func (k *setKeeper) adopt(ctx context.Context, set *appsv1.StatefulSet) error {
	var pods corev1.PodList
	if err := k.List(ctx, &pods, client.InNamespace(set.Namespace), client.MatchingLabels(set.Spec.Selector.MatchLabels)); err != nil {
		return fmt.Errorf("list pods of %s: %w", set.Name, err)
	}
	for i := range pods.Items {
		p := &pods.Items[i]
		if metav1.GetControllerOf(p) != nil || p.DeletionTimestamp != nil || p.Name != fmt.Sprintf("%s-%d", set.Name, ordinalOf(p)) {
			continue
		}
		before := p.DeepCopy()
		p.OwnerReferences = append(p.OwnerReferences, *metav1.NewControllerRef(set, appsv1.SchemeGroupVersion.WithKind("StatefulSet")))
		if err := k.Patch(ctx, p, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("adopt pod %s: %w", p.Name, err)
		}
	}
	return nil
}

// orphan lets a set go that is deleted without its pods, as the garbage collector does.
func (k *setKeeper) orphan(ctx context.Context, set *appsv1.StatefulSet) error {
	if !slices.Contains(set.Finalizers, metav1.FinalizerOrphanDependents) {
		return nil
	}
	var pods corev1.PodList
	if err := k.List(ctx, &pods, client.InNamespace(set.Namespace)); err != nil {
		return fmt.Errorf("list pods of %s: %w", set.Name, err)
	}
	for i := range pods.Items {
		p := &pods.Items[i]
		if !metav1.IsControlledBy(p, set) {
			continue
		}
		before := p.DeepCopy()
		p.OwnerReferences = nil
		if err := k.Patch(ctx, p, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("part pod %s from its set: %w", p.Name, err)
		}
	}
	before := set.DeepCopy()
	set.Finalizers = nil
	if err := k.Patch(ctx, set, client.MergeFrom(before)); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("let %s go: %w", set.Name, err)
	}
	return nil
}

// tell says in the status which specification the pods are made from.
func (k *setKeeper) tell(ctx context.Context, set *appsv1.StatefulSet) error {
	if set.Status.ObservedGeneration == set.Generation {
		return nil
	}
	before := set.DeepCopy()
	set.Status.ObservedGeneration = set.Generation
	if err := k.Status().Patch(ctx, set, client.MergeFrom(before)); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("write the status of %s: %w", set.Name, err)
	}
	return nil
}

func (k *setKeeper) ensure(ctx context.Context, set *appsv1.StatefulSet, ordinal int32) error {
	name := fmt.Sprintf("%s-%d", set.Name, ordinal)
	var have corev1.Pod
	err := k.Get(ctx, client.ObjectKey{Namespace: set.Namespace, Name: name}, &have)
	if err == nil && have.Status.PodIP != "" || client.IgnoreNotFound(err) != nil {
		return err
	}
	there := err == nil
	pod := podOf(set, name, ordinal)
	for _, t := range set.Spec.VolumeClaimTemplates {
		claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{
			Name: t.Name + "-" + name, Namespace: set.Namespace, Annotations: t.Annotations,
			Labels: withAll(t.Labels, set.Spec.Selector.MatchLabels),
		}, Spec: t.Spec}
		if err := k.Create(ctx, claim); err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("create claim %s: %w", claim.Name, err)
		}
		pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: t.Name, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim.Name},
		}})
	}
	if there {
		return nil // only a claim was missing
	}
	if err := k.Create(ctx, pod); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create pod %s: %w", name, err)
	}
	return nil
}

func podOf(set *appsv1.StatefulSet, name string, ordinal int32) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: *set.Spec.Template.ObjectMeta.DeepCopy(), Spec: *set.Spec.Template.Spec.DeepCopy()}
	pod.Name, pod.Namespace = name, set.Namespace
	pod.Labels = withAll(pod.Labels, map[string]string{
		"statefulset.kubernetes.io/pod-name": name, "apps.kubernetes.io/pod-index": strconv.Itoa(int(ordinal)),
		"controller-revision-hash": set.Name + "-" + strconv.FormatInt(set.Generation, 10),
	})
	pod.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(set, appsv1.SchemeGroupVersion.WithKind("StatefulSet"))}
	pod.Spec.Hostname, pod.Spec.Subdomain = name, set.Spec.ServiceName
	pod.Spec.Volumes = append([]corev1.Volume(nil), pod.Spec.Volumes...)
	return pod
}

func withAll(base, over map[string]string) map[string]string {
	out := maps.Clone(base)
	if out == nil {
		out = map[string]string{}
	}
	maps.Copy(out, over)
	return out
}

// ordinalOf is the number at the end of a pod's name.
func ordinalOf(p *corev1.Pod) int {
	n, err := strconv.Atoi(p.Name[strings.LastIndex(p.Name, "-")+1:])
	if err != nil {
		return -1
	}
	return n
}

// claimKeeper lets claims that were deleted go when no pod uses them.
type claimKeeper struct{ client.Client }

func (k *claimKeeper) setup(mgr manager.Manager) error {
	err := ctrl.NewControllerManagedBy(mgr).Named("claim").For(&corev1.PersistentVolumeClaim{}).
		Watches(&corev1.Pod{}, claimsOfPods()).Complete(k)
	if err != nil {
		return fmt.Errorf("set up the double of the claim protection: %w", err)
	}
	return nil
}

// Reconcile removes the finalizers of a claim that nobody uses.
func (k *claimKeeper) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var claim corev1.PersistentVolumeClaim
	if err := k.Get(ctx, req.NamespacedName, &claim); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if claim.DeletionTimestamp == nil || len(claim.Finalizers) == 0 {
		return ctrl.Result{}, nil
	}
	var pods corev1.PodList
	if err := k.List(ctx, &pods, client.InNamespace(req.Namespace)); err != nil {
		return ctrl.Result{}, fmt.Errorf("list pods: %w", err)
	}
	for i := range pods.Items {
		// One that has not been scheduled, here one without an address, uses nothing.
		if p := &pods.Items[i]; claimOf(p) == claim.Name && p.Status.PodIP != "" {
			return ctrl.Result{}, nil
		}
	}
	before := claim.DeepCopy()
	claim.Finalizers = nil
	// As it was seen: another claim may have come under its name.
	err := k.Patch(ctx, &claim, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
	if apierrors.IsConflict(err) {
		return ctrl.Result{}, nil // it is on its way here
	}
	return ctrl.Result{}, client.IgnoreNotFound(err)
}

// claimOf returns the name of the first claim of a pod, if any.
func claimOf(p *corev1.Pod) string {
	for _, v := range p.Spec.Volumes {
		if v.PersistentVolumeClaim != nil {
			return v.PersistentVolumeClaim.ClaimName
		}
	}
	return ""
}

// retry is how soon a pod is looked at again that waits for what is not watched.
const retry = 20 * time.Millisecond

var deleteAtOnce = client.GracePeriodSeconds(0)
