// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/layout"
	"github.com/quorate/quorate/internal/plan"
	"github.com/quorate/quorate/internal/resource"
)

// snapshot is what the API server showed of one datastore in one pass.
type snapshot struct {
	layout   layout.Layout
	sets     statefulSets
	config   *corev1.ConfigMap
	budget   *policyv1.PodDisruptionBudget
	services map[string]*corev1.Service // the members' own, by member name
	pods     map[string]*corev1.Pod     // by name; only the StatefulSets' own
	claims   map[string]*corev1.PersistentVolumeClaim
	strays   []*corev1.PersistentVolumeClaim // that bear the Datastore's label, and are no member's by their name
	reports  map[string]*engine.Report       // by pod UID
	stranded map[string]string               // why no node is left for a volume, by member
	now      time.Time
	// handmade is a StatefulSet that is to be adopted, and adoptable what was found
	// of it; nil where there is none.
	handmade  *appsv1.StatefulSet
	adoptable *plan.Handmade
	burnIn    time.Duration // the setting
	// ledgerMade is when the ledger was made, by the API server's clock; nil
	// where there is none.
	ledgerMade *metav1.Time
}

// observe reads the children of a datastore through one reader. With the
// cache it costs nothing; with the API server's it is what is true now.
//
// Pods count only with a StatefulSet of ours as their controller, by UID, and such
// a one only with the Datastore as its own (law 9). Claims outlive both,
// and a StatefulSet finds them by name alone, so they count by that: one that
// has lost its label is not in the cache, and must not be taken for gone on
// what the API server says (law 2).
func observe(ctx context.Context, r client.Reader, d *v1alpha1.Datastore, l layout.Layout, reports map[string]*engine.Report) (*snapshot, error) {
	s := &snapshot{
		layout:   l,
		services: map[string]*corev1.Service{},
		pods:     map[string]*corev1.Pod{},
		claims:   map[string]*corev1.PersistentVolumeClaim{},
		reports:  reports,
	}
	var err error
	if s.sets, err = readStatefulSets(ctx, r, d, l); err != nil {
		return nil, err
	}
	if s.config, err = readControlled[corev1.ConfigMap](ctx, r, d, "ConfigMap", resource.ConfigName(d.Name)); err != nil {
		return nil, err
	}
	if s.budget, err = readControlled[policyv1.PodDisruptionBudget](ctx, r, d, "PodDisruptionBudget", resource.DisruptionBudgetName(d.Name)); err != nil {
		return nil, err
	}
	scope := []client.ListOption{client.InNamespace(d.Namespace), client.MatchingLabels{resource.DatastoreLabel: d.Name}}
	var pods corev1.PodList
	if err := r.List(ctx, &pods, scope...); err != nil {
		return nil, fmt.Errorf("list pods of %s: %w", d.Name, err)
	}
	for i := range pods.Items {
		if p := &pods.Items[i]; s.sets.control(p) {
			s.pods[p.Name] = p
		}
	}
	var claims corev1.PersistentVolumeClaimList
	if err := r.List(ctx, &claims, client.InNamespace(d.Namespace)); err != nil {
		return nil, fmt.Errorf("list volume claims of %s: %w", d.Name, err)
	}
	for i := range claims.Items {
		if member, ok := resource.MemberOfClaim(d, l, claims.Items[i].Name); ok {
			s.claims[member] = &claims.Items[i]
		} else if claims.Items[i].Labels[resource.DatastoreLabel] == d.Name {
			s.strays = append(s.strays, &claims.Items[i])
		}
	}
	var services corev1.ServiceList
	if err := r.List(ctx, &services, scope...); err != nil {
		return nil, fmt.Errorf("list services of %s: %w", d.Name, err)
	}
	for i := range services.Items {
		if sv := &services.Items[i]; metav1.IsControlledBy(sv, d) {
			s.services[sv.Name] = sv
		}
	}
	return s, nil
}

// readControlled gets a child of a Datastore by name; nil where there is none, or
// one that is somebody else's.
func readControlled[T any, O interface {
	*T
	client.Object
}](ctx context.Context, r client.Reader, d *v1alpha1.Datastore, kind, name string) (O, error) {
	child := O(new(T))
	err := r.Get(ctx, types.NamespacedName{Namespace: d.Namespace, Name: name}, child)
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("get %s %s: %w", kind, name, err)
	case !metav1.IsControlledBy(child, d):
		return nil, nil
	}
	return child, nil
}

// children are the observed ones that the next ones follow from.
func (s *snapshot) children() resource.Observed {
	return resource.Observed{StatefulSet: s.sets.lead(), Config: s.config}
}

// mostMembers bounds the ordinals that are looked at. It is far above what any
// engine has; a claim, a pod or a size that somebody made beyond it must not
// have the manager make room for all that come before.
const mostMembers = 256

// state puts a snapshot into the planner's words.
func (s *snapshot) state(d *v1alpha1.Datastore, l *plan.Ledger, want plan.Wanted) plan.State {
	out := plan.State{Name: d.Name, Racks: s.layout.Racks(), Wanted: want, Ledger: l, Set: s.sets.fold(s.layout), Retained: s.retained(true), Handmade: s.adoptable}
	if s.budget != nil {
		pods := s.mostPods()
		out.Budget = &plan.Budget{Max: resource.BudgetLimit(s.budget, pods), Closed: resource.BudgetClosed(s.budget, pods), Epoch: epochOn(s.budget)}
	}
	changed := s.changed()
	for i := range s.members(l, want) {
		name := out.MemberName(i)
		m := plan.Member{Name: name, Ordinal: i}
		if sv := s.services[name]; sv != nil {
			m.Address = sv.Spec.ClusterIP
		}
		if p := s.pods[name]; p != nil {
			m.Pod = observePod(p)
			if lately(p, s.now) {
				m.Pod.Stuck = ""
			}
			m.Pod.BurnedIn = s.burnedIn(p)
			m.Pod.Failed = failed(p, m.Pod.Stuck, changed, s.now)
			m.Report = s.reports[string(p.UID)]
		}
		if c := s.claims[name]; c != nil {
			m.Claim = &plan.Claim{UID: string(c.UID), Terminating: c.DeletionTimestamp != nil, Predates: s.predates(c), Stranded: s.stranded[name]}
		}
		out.Members = append(out.Members, m)
	}
	return out
}

// retained tells whether a set may have formed here whose data is on claims, so that
// without a ledger none is begun. Where no credential is left either, a member's own
// claim is no sign of that, see find: its pod says what is on it before anything forms. A
// stray one gets no pod. It is of a former Datastore of this name that had other racks, or
// another template of claims, and may hold the data of its set as soon as it has a volume.
func (s *snapshot) retained(credentials bool) bool {
	if credentials {
		return len(s.claims)+len(s.strays) > 0
	}
	return slices.ContainsFunc(s.strays, func(c *corev1.PersistentVolumeClaim) bool { return c.Spec.VolumeName != "" })
}

// predates tells whether a claim was made before the ledger, both by the API
// server's clock. Our claims follow the ledger, so that one of the same second
// is not older.
func (s *snapshot) predates(c *corev1.PersistentVolumeClaim) bool {
	return s.ledgerMade == nil || c.CreationTimestamp.Before(s.ledgerMade)
}

// members returns how many ordinals the state spans: all that are wanted, that
// the StatefulSet has, or that have a pod, a claim or an entry in the ledger.
func (s *snapshot) members(l *plan.Ledger, want plan.Wanted) int32 {
	n := max(want.Replicas, s.layout.Span(s.sets.sizes()))
	span := func(name string) {
		if i, ok := s.layout.Number(name); ok && i < mostMembers {
			n = max(n, i+1)
		}
	}
	for name := range s.pods {
		span(name)
	}
	for name := range s.claims {
		span(name)
	}
	if l != nil {
		for name := range l.Members {
			span(name)
		}
	}
	return min(n, mostMembers)
}

// observePod takes from a pod what the planner needs.
func observePod(p *corev1.Pod) *plan.Pod {
	return &plan.Pod{
		UID:          string(p.UID),
		Template:     p.Annotations[resource.TemplateAnnotation],
		Agent:        agentImage(p),
		AgentSettled: agentSettled(p),
		AgentDown:    downImage(p),
		Started:      serverStarted(p) || agentContainer(p) == nil,
		Handmade:     agentContainer(p) == nil,
		Ready:        resource.PodReady(p),
		Terminating:  p.DeletionTimestamp != nil,
		Stuck:        stuckReason(p),
	}
}

// serverStarted tells whether the server's container has ever run in the pod.
func serverStarted(p *corev1.Pod) bool {
	for _, c := range p.Status.ContainerStatuses {
		if c.Name == resource.ServerContainer {
			return c.State.Running != nil || c.State.Terminated != nil || c.LastTerminationState.Terminated != nil || c.RestartCount > 0
		}
	}
	return false
}

// waitingIsStuck are the reasons of a waiting container that do not pass by
// themselves, as the kubelet writes them.
var waitingIsStuck = map[string]bool{
	"ErrImagePull": true, "ImagePullBackOff": true, "InvalidImageName": true, "ErrImageNeverPull": true,
	"CreateContainerConfigError": true, "CreateContainerError": true, "RunContainerError": true,
	"CrashLoopBackOff": true,
}

func cannotStart(c corev1.ContainerStatus) bool {
	return c.State.Waiting != nil && waitingIsStuck[c.State.Waiting.Reason]
}

// stuckReason says why a pod cannot get on by itself: a container that does
// not start, with the tail of what it said, or no node that would take it.
// Empty where it can.
func stuckReason(p *corev1.Pod) string {
	for _, c := range slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses) {
		if !cannotStart(c) {
			continue
		}
		w := c.State.Waiting
		said := w.Message
		if t := c.LastTerminationState.Terminated; t != nil && t.Message != "" {
			said = t.Message
		}
		return strings.TrimSpace(fmt.Sprintf("container %s: %s: %s", c.Name, w.Reason, tail(said)))
	}
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && c.Reason == corev1.PodReasonUnschedulable {
			return "cannot be scheduled: " + tail(c.Message)
		}
	}
	return ""
}

// schedulingTakes is for how long a pod without a node is not yet taken for
// stuck: its volumes are being made, or a node is.
const schedulingTakes = 15 * time.Second

// failsAfter is how long after it was made a pod that is stuck is given up, so
// that a template is not put back for a registry that was away for a moment.
const failsAfter = 45 * time.Second

// failsUnreadyAfter is how long a pod whose server runs may be not ready before it
// is given up, counted from the last change in who of the set is: a server that comes
// back with a great deal to catch up on is not taken for one that cannot, nor one
// that had nobody to follow.
const failsUnreadyAfter = 10 * time.Minute

// failed says why it is given up that a pod will ever serve as it is; empty where
// it is not. Without a clock nothing is.
func failed(p *corev1.Pod, stuck string, changed, now time.Time) string {
	switch {
	case now.IsZero():
		return ""
	case stuck != "" && !now.Before(p.CreationTimestamp.Add(failsAfter)):
		return stuck
	case stuck == "" && serverStarted(p) && !resource.PodReady(p) && !now.Before(changed.Add(failsUnreadyAfter)):
		return fmt.Sprintf("its server was started and has not been ready for %s", failsUnreadyAfter)
	}
	return ""
}

// changed is when a pod of the set was last made, or became ready or ceased to be.
func (s *snapshot) changed() time.Time {
	var last time.Time
	for _, p := range s.pods {
		if p.CreationTimestamp.After(last) {
			last = p.CreationTimestamp.Time
		}
		for _, c := range p.Status.Conditions {
			if c.Type == corev1.PodReady && c.LastTransitionTime.After(last) {
				last = c.LastTransitionTime.Time
			}
		}
	}
	return last
}

// lately tells whether the scheduler has found no node for a pod only a moment
// ago. Without a clock it never is.
func lately(p *corev1.Pod, now time.Time) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return now.Before(c.LastTransitionTime.Add(schedulingTakes)) && !now.IsZero()
		}
	}
	return false
}

// tail bounds what a container said to its last part, where a complaint is.
func tail(s string) string {
	const most = 400
	s = strings.TrimSpace(s)
	if len(s) > most {
		s = "…" + strings.ToValidUTF8(s[len(s)-most:], "")
	}
	return strings.Join(strings.Fields(s), " ")
}
