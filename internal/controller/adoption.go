// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"
	"maps"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/internal/adoption"
	"github.com/quorate/quorate/internal/plan"
	"github.com/quorate/quorate/internal/resource"
)

// handmade looks for a StatefulSet that is to be adopted, as long as there is none of
// ours. Nothing of it bears our label yet, so all is read live.
func (p *pass) handmade(ctx context.Context, snap *snapshot) error {
	l := p.ledger.ledger
	if p.d.Spec.Adopt == nil || snap.sets.lead() != nil || l != nil && l.Adoption == nil {
		return nil
	}
	set, err := readLive[appsv1.StatefulSet](ctx, p.Live, p.d, "StatefulSet", resource.StatefulSetName(p.d.Name))
	if set == nil || err != nil || metav1.IsControlledBy(set, p.d) {
		return err
	}
	found, err := p.found(ctx, snap, set)
	if err != nil {
		return err
	}
	snap.handmade = set
	snap.adoptable = &plan.Handmade{UID: string(set.UID), Going: set.DeletionTimestamp != nil, Obstacles: found.Obstacles(), Cautions: append(found.Cautions(), found.LetsAllIn()...)}
	for _, name := range found.Members() {
		if pod, claim := found.Pods[name], found.Claims[name]; pod != nil && claim != nil {
			snap.adoptable.Members = append(snap.adoptable.Members, plan.HandmadeMember{Name: name, PodUID: string(pod.UID), ClaimUID: string(claim.UID)})
		}
	}
	return nil
}

// standsByHand tells whether the StatefulSet that the user agreed to have taken over is
// there, and nobody has deleted it: none of ours was made yet, nor any pod of it.
func (p *pass) standsByHand(snap *snapshot) bool {
	l, h := p.ledger.ledger, snap.adoptable
	return h != nil && !h.Going && l != nil && l.Adoption != nil && l.Adoption.StatefulSet == h.UID
}

// found gathers what the API server shows of such a StatefulSet.
func (p *pass) found(ctx context.Context, snap *snapshot, set *appsv1.StatefulSet) (adoption.Found, error) {
	b := p.builder(snap, 0)
	out := adoption.Found{
		Datastore: p.d, Engine: p.kit.Engine, Image: p.image(), Template: b.StatefulSets(nil, true)[0].Spec.Template, StatefulSet: set,
		Pods: map[string]*corev1.Pod{}, Claims: map[string]*corev1.PersistentVolumeClaim{}, Configs: map[string]map[string]string{},
	}
	if l := p.ledger.ledger; l != nil {
		out.ClusterID = l.ClusterID
	}
	if p.adopted != nil {
		out.SecretProblems = p.adopted.problems
	}
	var err error
	for _, name := range out.Members() {
		if out.Pods[name], err = readLive[corev1.Pod](ctx, p.Live, p.d, "Pod", name); err != nil {
			return out, err
		}
		if out.Claims[name], err = readLive[corev1.PersistentVolumeClaim](ctx, p.Live, p.d, "PersistentVolumeClaim", resource.ClaimName(p.d, name)); err != nil {
			return out, err
		}
	}
	if out.Service, err = readLive[corev1.Service](ctx, p.Live, p.d, "Service", resource.HeadlessName(p.d.Name)); err != nil {
		return out, err
	}
	for _, name := range out.ConfigMaps() {
		config, err := readLive[corev1.ConfigMap](ctx, p.Live, p.d, "ConfigMap", name)
		if err != nil {
			return out, err
		}
		if config != nil {
			out.Take(config)
		}
	}
	out.Taken, err = p.taken(ctx, b, snap)
	return out, err
}

// taken names the objects of others under names that the children need, but for those
// that are taken over or left as they are.
func (p *pass) taken(ctx context.Context, b resource.Builder, snap *snapshot) ([]string, error) {
	children := append(b.Children(snap.children(), true), b.DisruptionBudget(0, 0), b.Connection(nil))
	if p.ledger.object == nil {
		for _, s := range []*corev1.Secret{resource.AuthoritySecret(p.d, "", nil), resource.ManagerSecret(p.d, "", nil), resource.MemberSecret(p.d, "", nil)} {
			children = append(children, s)
		}
	}
	var out []string
	for _, child := range children {
		if _, set := child.(*appsv1.StatefulSet); set || isHeadless(child, p.d.Name) {
			continue
		}
		live := emptyLike(child)
		err := p.Live.Get(ctx, client.ObjectKeyFromObject(child), live)
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("get %s: %w", describe(child), err)
		}
		if ours, _ := resource.Owned(live, p.d); !ours {
			out = append(out, describe(child))
		}
	}
	return out, nil
}

// readLive gets an object by name, whoever's it is; nil where there is none.
func readLive[T any, O interface {
	*T
	client.Object
}](ctx context.Context, r client.Reader, d client.Object, kind, name string) (O, error) {
	out := O(new(T))
	err := r.Get(ctx, types.NamespacedName{Namespace: d.GetNamespace(), Name: name}, out)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("get %s %s: %w", kind, name, err)
	}
	return out, nil
}

// label gives the claims and pods of a set that was made by hand our labels, so that
// they are seen, and belong to our StatefulSet once there is one. The pods come
// before the NetworkPolicy, which would part those that have the label from those
// that have not; and where members have an address that stays they are behind it from
// the start, as ours find the others by it.
func (p *pass) label(ctx context.Context) error {
	t := p.findings.decision.TakeOver
	if t == nil {
		return nil
	}
	set := map[string]string{resource.DatastoreLabel: p.d.Name, resource.ClusterIDLabel: p.ledger.ledger.ClusterID}
	for _, ref := range t.Claims {
		if err := p.labelOne(ctx, &corev1.PersistentVolumeClaim{}, "claim", resource.ClaimName(p.d, ref.Member), ref.UID, set); err != nil {
			return err
		}
		pointClaimLabelled.Reach()
	}
	ofPods := resource.SelectorLabels(p.d.Name)
	if p.kit.Engine.Traits().StableAddress {
		ofPods[resource.ReachableLabel] = resource.FieldOwner
	}
	for _, ref := range t.Pods {
		if err := p.labelOne(ctx, &corev1.Pod{}, "pod", ref.Name, ref.UID, ofPods); err != nil {
			return err
		}
		pointPodLabelled.Reach()
	}
	return nil
}

// labelOne labels an object if it is the one of the UID that the ledger has. One that
// was made in its place is looked at in the next pass. One that is being deleted is put
// behind no address, which would be taken from it again in the next pass: see withdraw.
// Its other labels it gets, since it may still hand over to those that have them.
func (p *pass) labelOne(ctx context.Context, o client.Object, kind, name, uid string, want map[string]string) error {
	err := p.Live.Get(ctx, types.NamespacedName{Namespace: p.d.Namespace, Name: name}, o)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("get %s %s: %w", kind, name, err)
	}
	if o.GetDeletionTimestamp() != nil {
		want = maps.Clone(want)
		delete(want, resource.ReachableLabel)
	}
	if string(o.GetUID()) != uid || labels.SelectorFromSet(want).Matches(labels.Set(o.GetLabels())) {
		return nil
	}
	if err := p.current(ctx); err != nil {
		return err
	}
	changes := map[string]*string{}
	for key, value := range want {
		changes[key] = &value
	}
	patch, err := relabelling(o.GetUID(), o.GetResourceVersion(), changes)
	if err != nil {
		return fmt.Errorf("label %s %s: %w", kind, name, err)
	}
	if err := p.Patch(ctx, o, patch, client.FieldOwner(resource.FieldOwner)); err != nil {
		return fmt.Errorf("label %s %s: %w", kind, name, err)
	}
	return nil
}

// unseat deletes the StatefulSet that was made by hand and leaves its pods, and ends
// the pass until it is gone: a name is good for one of them. It goes by its UID and as
// it was looked at.
func (p *pass) unseat(ctx context.Context) error {
	t, set := p.findings.decision.TakeOver, p.snapshot.handmade
	if t == nil || t.StatefulSet == "" || set == nil {
		return nil
	}
	p.renewed = true
	if set.DeletionTimestamp != nil {
		return errStop
	}
	p.confirmed = false // a word may have been taken back
	if err := p.current(ctx); err != nil {
		return err
	}
	uid := types.UID(t.StatefulSet)
	seen := client.Preconditions{UID: &uid, ResourceVersion: &set.ResourceVersion}
	if err := p.Delete(ctx, set.DeepCopy(), seen, client.PropagationPolicy(metav1.DeletePropagationOrphan)); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete StatefulSet %s without its pods: %w", set.Name, err)
	}
	pointStatefulSetOrphaned.Reach()
	return errStop
}

func isHeadless(o client.Object, datastore string) bool {
	s, ok := o.(*corev1.Service)
	return ok && s.Name == resource.HeadlessName(datastore)
}

// leaves tells whether a Service is left as somebody made it by hand: the one by which
// the members of a set that was made by hand are known. Where that is gone ours takes
// its place.
func (p *pass) leaves(ctx context.Context, s *corev1.Service) (bool, error) {
	if p.d.Spec.Adopt == nil || !isHeadless(s, p.d.Name) {
		return false, nil
	}
	live, err := readLive[corev1.Service](ctx, p.Live, p.d, "Service", s.Name)
	return live != nil && metav1.GetControllerOf(live) == nil, err
}
