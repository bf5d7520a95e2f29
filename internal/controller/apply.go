// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"
	"reflect"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/util/csaupgrade"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/plan"
	"github.com/quorate/quorate/internal/resource"
)

// want renders what the specification asks for, to compare with what is. A
// specification that was refused asks for what there is.
func (p *pass) want(snap *snapshot) plan.Wanted {
	out := plan.Wanted{
		Replicas: p.d.DesiredReplicas(), AllowDowntime: p.d.AllowsDowntime(), Stopped: p.d.Spec.Stopped, Adopts: p.d.Spec.Adopt != nil,
		ClaimTemplate: resource.ClaimTemplate(p.d),
		Agent:         p.Settings.AgentImage, Lead: p.d.Annotations[v1alpha1.AnnotationSwitchover],
		DeleteScaled: p.d.StorageRetention().WhenScaled == v1alpha1.RetentionDelete,
	}
	if a := p.d.Spec.Adopt; a != nil {
		out.Adopted = plan.Adopted{Authentication: a.Authentication, SetName: a.SetName}
	}
	p.consent(&out)
	p.wish(&out)
	if p.findings.blocked != nil {
		if lead := snap.sets.lead(); lead != nil {
			out.Template = resource.TemplateOf(&lead.Spec.Template)
		}
		return out
	}
	b := p.builder(snap, 0)
	out.Template, out.Files, out.Refused = b.TemplateHash(), b.Reloadable(snap.children()), p.upgradeRefused(snap)
	return out
}

// upgradeRefused says why the wanted version must not follow the ones that run;
// nil where it may, or the engine takes any.
func (p *pass) upgradeRefused(snap *snapshot) *plan.Finding {
	upgrader, ok := p.kit.Engine.(engine.Upgrader)
	if !ok {
		return nil
	}
	for _, pod := range snap.pods {
		r := snap.reports[string(pod.UID)]
		if r == nil || !r.Server.Running || r.Server.Version == "" {
			continue
		}
		if err := upgrader.Upgrade(r.Server, p.d.Spec.Version); err != nil {
			return &plan.Finding{Reason: v1alpha1.ReasonUpgradeRefused, Message: "spec.version: " + err.Error()}
		}
	}
	return nil
}

func (p *pass) builder(snap *snapshot, replicas int32) resource.Builder {
	in := resource.Input{
		Datastore: p.d, Engine: p.kit.Engine, Replicas: replicas, Members: p.findings.decision.Shape.Members, ServerImage: p.image(),
		AgentImage: p.Settings.AgentImage, ClusterDomain: p.Settings.ClusterDomain, OperatorNamespace: p.Settings.Namespace,
		Addresses: map[string]string{}, Proven: p.findings.decision.Shape.Proven,
	}
	if l := p.ledger.ledger; l != nil {
		in.ClusterID = l.ClusterID
	}
	for name, s := range snap.services {
		if _, ok := p.layout().Number(name); ok {
			in.Addresses[name] = s.Spec.ClusterIP
		}
	}
	return resource.New(in)
}

// apply brings the children to what was decided. Each waits for the ones
// before it: the credentials are mounted, the Services give the addresses that
// the configuration holds, and the pods of the StatefulSet need all of it.
func (p *pass) apply(ctx context.Context) error {
	if err := p.ensureCredentials(ctx); err != nil {
		return err
	}
	if p.makesNothing() {
		return errStop
	}
	shape := p.findings.decision.Shape
	services := p.builder(p.snapshot, shape.Replicas).Services()
	if err := p.applyServices(ctx, services); err != nil {
		return err
	}
	pointServicesApplied.Reach()
	have, b := p.snapshot.children(), p.builder(p.snapshot, shape.Replicas)
	if shape.Restore && have.StatefulSet != nil {
		b, _ = b.PutBack(have, resource.LastGood(have.StatefulSet)) // where there is none, the rollout just stops
	}
	children := b.Children(have, shape.WriteTemplate)[len(services):]
	// The connection Secret goes before the StatefulSets, which are last.
	last := len(children) - len(p.layout().StatefulSets())
	for _, desired := range append(slices.Clone(children[:last]), b.Connection(p.secrets.values(p.kit.Engine.Traits().Credentials))) {
		if _, err := p.ensure(ctx, desired); err != nil {
			return err
		}
	}
	pointConfigApplied.Reach()
	if err := p.unseat(ctx); err != nil {
		return err
	}
	if err := p.applyStatefulSets(ctx, children[last:]); err != nil {
		return err
	}
	return p.prune(ctx, b)
}

// applyStatefulSets writes them in their order. Each is written as the others are, so
// that a pass which ends between two of them is followed by one that brings the rest to
// the same; until then the planner does nothing by the template, see fold.
func (p *pass) applyStatefulSets(ctx context.Context, sets []client.Object) error {
	for i, desired := range sets {
		if i > 0 {
			pointRackApplied.Reach()
		}
		// All that was made so far goes with a Datastore that was deleted meanwhile;
		// the claims of a StatefulSet would stay. It may be gone though it was seen.
		p.confirmed = false
		if _, err := p.ensure(ctx, desired); err != nil {
			return err
		}
	}
	pointStatefulSetDone.Reach()
	return nil
}

// makesNothing tells whether there is no StatefulSet of ours and there is to be none
// now: a person has to act before the set can form, or the one that was made by hand
// stays.
func (p *pass) makesNothing() bool {
	d := p.findings.decision
	if p.snapshot.sets.lead() != nil {
		return false
	}
	return d.Stalled != nil && !p.findings.formed() || p.findings.adopting() && d.TakeOver == nil
}

func (p *pass) applyServices(ctx context.Context, services []*corev1.Service) error {
	for _, desired := range services {
		left, err := p.leaves(ctx, desired)
		if err != nil {
			return err
		}
		if left {
			continue
		}
		got, err := p.ensure(ctx, desired)
		if err != nil {
			return err
		}
		if s, ok := got.(*corev1.Service); ok {
			p.snapshot.services[s.Name] = s
		}
	}
	return nil
}

// ensure creates a child, or changes it where it differs, and returns it as it
// now is. What has not changed is not sent. An object that is not ours is left
// as it is, and ends the pass.
func (p *pass) ensure(ctx context.Context, desired client.Object) (client.Object, error) {
	existing := emptyLike(desired)
	key, what := client.ObjectKeyFromObject(desired), describe(desired)
	err := p.Get(ctx, key, existing)
	if apierrors.IsNotFound(err) {
		var created client.Object
		if created, err = p.create(ctx, desired, what); err == nil || !apierrors.IsAlreadyExists(err) {
			return created, err
		}
		// The cache is behind, or shows only what bears our label.
		err = p.Live.Get(ctx, key, existing)
	}
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", what, err)
	}
	if ours, why := resource.Owned(existing, p.d); !ours {
		if resource.Former(existing, p.d) {
			return nil, &formerError{what: what, why: why}
		}
		return nil, &conflictError{what: what, why: why}
	}
	if needs, _ := resource.NeedsApply(desired, existing); !needs {
		return existing, nil
	}
	return p.change(ctx, desired, existing.GetUID(), what)
}

// create makes a child that does not exist; it is never an adoption. A child
// of a Datastore that is gone would have nobody to see to it.
func (p *pass) create(ctx context.Context, desired client.Object, what string) (client.Object, error) {
	if err := p.current(ctx); err != nil {
		return nil, err
	}
	sealed, err := resource.Seal(desired)
	if err != nil {
		return nil, fmt.Errorf("render %s: %w", what, err)
	}
	if address := p.formerAddress(desired); address != "" {
		return p.createAt(ctx, sealed, desired, address, what)
	}
	if err := p.Create(ctx, sealed, client.FieldOwner(resource.FieldOwner)); err != nil {
		return nil, fmt.Errorf("create %s: %w", what, err)
	}
	return decode(sealed, desired)
}

// change applies the desired object over the existing one of that UID.
//
// What was created belongs to our name as an update; it is first made to
// belong to our name as an application, or what the specification no longer
// says would never be removed.
func (p *pass) change(ctx context.Context, desired client.Object, uid types.UID, what string) (client.Object, error) {
	live := emptyLike(desired)
	if err := p.Live.Get(ctx, client.ObjectKeyFromObject(desired), live); err != nil {
		return nil, fmt.Errorf("get %s: %w", what, err)
	}
	if needs, _ := resource.NeedsApply(desired, live); !needs && live.GetUID() == uid {
		return live, nil // the cache is behind
	}
	upgrade, err := csaupgrade.UpgradeManagedFieldsPatch(live, sets.New(resource.FieldOwner), resource.FieldOwner)
	if err != nil {
		return nil, fmt.Errorf("take over the fields of %s: %w", what, err)
	}
	guarded, err := p.guarded(live)
	if err != nil {
		return nil, err
	}
	if upgrade != nil && live.GetUID() == uid {
		if err := p.Patch(ctx, live, client.RawPatch(types.JSONPatchType, upgrade)); err != nil {
			return nil, fmt.Errorf("take over the fields of %s: %w", what, err)
		}
	}
	sealed, err := resource.Seal(desired)
	if err != nil {
		return nil, fmt.Errorf("render %s: %w", what, err)
	}
	sealed.SetUID(uid) // the API server refuses it for an object that was made anew
	if guarded {
		sealed.SetResourceVersion(live.GetResourceVersion())
	}
	if err := p.Apply(ctx, client.ApplyConfigurationFromUnstructured(sealed), client.FieldOwner(resource.FieldOwner), client.ForceOwnership); err != nil {
		return nil, fmt.Errorf("apply %s: %w", what, err)
	}
	return decode(sealed, desired)
}

// sameSet refuses a StatefulSet whose specification is not the one that the
// decision was made on, or that bears a later epoch: a manager that was frozen
// in the middle of a pass would take members' pods away that its successor has
// let join. One that is frozen after this is stopped by the resourceVersion.
func (p *pass) sameSet(set *appsv1.StatefulSet) error {
	had := p.snapshot.sets.same(set)
	if had == nil || had.Generation != set.Generation || epochOn(set) > p.ledger.ledger.Epoch {
		return errOutdated
	}
	return nil
}

// guarded tells whether a child may only be changed as it was read, and refuses
// it where it is another one by now.
func (p *pass) guarded(live client.Object) (bool, error) {
	switch o := live.(type) {
	case *appsv1.StatefulSet:
		return true, p.sameSet(o)
	case *policyv1.PodDisruptionBudget:
		return true, p.sameBudget(o)
	}
	return false, nil
}

// emptyLike returns an empty object of the same type and kind.
func emptyLike(o client.Object) client.Object {
	out := reflect.New(reflect.TypeOf(o).Elem()).Interface().(client.Object)
	out.GetObjectKind().SetGroupVersionKind(o.GetObjectKind().GroupVersionKind())
	return out
}

// decode returns an object as the type of another.
func decode(u *unstructured.Unstructured, like client.Object) (client.Object, error) {
	out := emptyLike(like)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, out); err != nil {
		return nil, fmt.Errorf("decode %s: %w", describe(like), err)
	}
	return out, nil
}

// prune deletes the children that are not wanted any more: those that a former
// specification asked for, and the Services of members whose pods are gone.
func (p *pass) prune(ctx context.Context, b resource.Builder) error {
	unwanted := b.Unwanted()
	for name, s := range p.snapshot.services {
		i, ok := p.layout().Number(name)
		if ok && i >= p.findings.decision.Shape.Members && p.snapshot.pods[name] == nil {
			unwanted = append(unwanted, s)
		}
	}
	for _, o := range unwanted {
		err := p.Get(ctx, client.ObjectKeyFromObject(o), o)
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return fmt.Errorf("get %s: %w", describe(o), err)
		}
		if !metav1.IsControlledBy(o, p.d) {
			continue
		}
		err = p.Delete(ctx, o, client.Preconditions{UID: ptr.To(o.GetUID())})
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete %s: %w", describe(o), err)
		}
	}
	return nil
}

func describe(o client.Object) string {
	return o.GetObjectKind().GroupVersionKind().Kind + " " + o.GetName()
}
