// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package kubelet

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/quorate/quorate/internal/agent/settings"
	"github.com/quorate/quorate/internal/resource"
	"github.com/quorate/quorate/test/double/members"
)

// BadImage is the name of every image that cannot be pulled.
const BadImage = "registry.example.com/no-such-image"

// Nowhere is a node selector's key that no node has.
const Nowhere = "example.com/nowhere"

// podKeeper is the kubelet of all nodes.
type podKeeper struct {
	client.Client
	// seen is the cache; Secrets and ConfigMaps are otherwise read past it.
	seen  client.Reader
	world *members.World
	alone bool
	hosts atomic.Int32
	// booted are the pods that were seen to run, by name: one may be gone before
	// it was seen to go.
	booted sync.Map
	// mounted are the versions of Secrets that pods have mounted, by UID of the pod.
	mounted sync.Map
}

func (k *podKeeper) setup(mgr manager.Manager, woken <-chan event.GenericEvent) error {
	inputs := handler.EnqueueRequestsFromMapFunc(k.waitingPods)
	err := ctrl.NewControllerManagedBy(mgr).Named("pod").
		For(&corev1.Pod{}).
		Watches(&corev1.Service{}, inputs).
		WatchesMetadata(&corev1.Secret{}, inputs).
		WatchesRawSource(source.Channel(woken, &handler.EnqueueRequestForObject{})).
		WithOptions(controller.Options{MaxConcurrentReconciles: 8}).Complete(k)
	if err != nil {
		return fmt.Errorf("set up the double of the kubelet: %w", err)
	}
	return nil
}

func claimsOfPods() handler.EventHandler {
	return handler.EnqueueRequestsFromMapFunc(func(_ context.Context, o client.Object) []reconcile.Request {
		name := claimOf(o.(*corev1.Pod))
		if name == "" {
			return nil
		}
		return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: o.GetNamespace(), Name: name}}}
	})
}

// waitingPods are the pods of the Datastore that a Service belongs to: their
// init containers may wait for its address.
func (k *podKeeper) waitingPods(ctx context.Context, o client.Object) []reconcile.Request {
	var pods corev1.PodList
	if k.List(ctx, &pods, client.InNamespace(o.GetNamespace()), client.MatchingLabels{resource.DatastoreLabel: o.GetLabels()[resource.DatastoreLabel]}) != nil {
		return nil
	}
	var out []reconcile.Request
	for _, p := range pods.Items {
		out = append(out, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&p)})
	}
	return out
}

// Reconcile brings the status of a pod to what its containers do.
func (k *podKeeper) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	var pod corev1.Pod
	if err := k.Get(ctx, req.NamespacedName, &pod); err != nil {
		if uid, ran := k.booted.LoadAndDelete(req.NamespacedName); ran && apierrors.IsNotFound(err) {
			k.world.Kill(uid.(types.UID))
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if pod.Labels[resource.DatastoreLabel] == "" {
		return ctrl.Result{}, nil
	}
	if pod.DeletionTimestamp != nil {
		return ctrl.Result{}, k.end(ctx, &pod)
	}
	status, again, err := k.statusOf(ctx, &pod)
	if err != nil || status == nil || equality.Semantic.DeepEqual(*status, pod.Status) {
		return again, err
	}
	before := pod.DeepCopy()
	pod.Status = *status
	err = k.Status().Patch(ctx, &pod, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
		return ctrl.Result{RequeueAfter: retry}, nil
	}
	return again, err
}

// Ends, on a pod, is how it ends when it is deleted: its kubelet is Away, or its server is
// to end Later, for as long as the annotation is there.
const (
	Ends  = "kubelet.example.com/ends"
	Away  = "away"
	Later = "later"
)

// end kills the containers of a pod that was deleted.
func (k *podKeeper) end(ctx context.Context, pod *corev1.Pod) error {
	switch pod.Annotations[Ends] {
	case Away:
		return nil
	case Later:
		k.world.End(pod.UID)
		return nil
	}
	k.world.Kill(pod.UID)
	if !k.alone {
		return nil
	}
	err := k.Delete(ctx, pod, deleteAtOnce, client.Preconditions{UID: &pod.UID})
	if apierrors.IsConflict(err) {
		return nil
	}
	return client.IgnoreNotFound(err)
}

// statusOf is nil where nothing is known yet.
func (k *podKeeper) statusOf(ctx context.Context, pod *corev1.Pod) (*corev1.PodStatus, ctrl.Result, error) {
	status := pod.Status.DeepCopy()
	if k.alone {
		if _, none := pod.Spec.NodeSelector[Nowhere]; none {
			setCondition(status, corev1.PodScheduled, corev1.ConditionFalse, corev1.PodReasonUnschedulable, "no node has the label "+Nowhere)
			long := metav1.NewTime(pod.CreationTimestamp.Add(-time.Hour)) // as if it had waited already
			status.Conditions[len(status.Conditions)-1].LastTransitionTime = long
			return status, ctrl.Result{}, nil
		}
		var claim corev1.PersistentVolumeClaim
		if err := k.Get(ctx, client.ObjectKey{Namespace: pod.Namespace, Name: claimOf(pod)}, &claim); err != nil || claim.DeletionTimestamp != nil {
			return nil, ctrl.Result{RequeueAfter: retry}, client.IgnoreNotFound(err)
		}
		if status.PodIP == "" {
			n := k.hosts.Add(1)
			status.PodIP = fmt.Sprintf("10.77.%d.%d", n/250, n%250+1)
			status.PodIPs = []corev1.PodIP{{IP: status.PodIP}}
		}
		setCondition(status, corev1.PodScheduled, corev1.ConditionTrue, "", "")
	}
	if status.PodIP == "" {
		return nil, ctrl.Result{}, nil
	}
	if down := k.unpullable(pod, status); down {
		return status, ctrl.Result{}, nil
	}
	booted, err := k.boot(ctx, pod, status.PodIP)
	if err != nil {
		return nil, ctrl.Result{}, err
	}
	if !booted {
		return status, ctrl.Result{RequeueAfter: retry}, nil
	}
	k.containers(pod, status)
	return status, ctrl.Result{}, nil
}

// unpullable tells whether the image of one of the operator's own containers cannot
// be pulled, which has come to its turn: the first before the pod has booted, and
// the agent at any time. A server that runs goes on without an agent.
func (k *podKeeper) unpullable(pod *corev1.Pod, status *corev1.PodStatus) bool {
	_, booted := k.world.Look(pod.UID)
	datastore := types.NamespacedName{Namespace: pod.Namespace, Name: pod.Labels[resource.DatastoreLabel]}
	for _, c := range pod.Spec.InitContainers {
		if booted && c.Name != resource.AgentContainer || !strings.HasPrefix(c.Image, BadImage) {
			continue
		}
		waits := corev1.ContainerStatus{Name: c.Name, Image: c.Image, State: corev1.ContainerState{Waiting: imageBackOff(c.Image)}}
		status.InitContainerStatuses = []corev1.ContainerStatus{waits}
		setCondition(status, corev1.PodReady, corev1.ConditionFalse, "", "")
		if booted {
			k.world.SilencePod(datastore, pod.Name, true)
		}
		return true
	}
	if was := statusNamed(status.InitContainerStatuses, resource.AgentContainer); booted && was.State.Waiting != nil {
		k.world.SilencePod(datastore, pod.Name, false)
	}
	return false
}

func imageBackOff(image string) *corev1.ContainerStateWaiting {
	return &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "Back-off pulling image " + image}
}

// boot runs the init container: it needs what the pod mounts, and its own
// address in the configuration.
func (k *podKeeper) boot(ctx context.Context, pod *corev1.Pod, ip string) (bool, error) {
	if _, booted := k.world.Look(pod.UID); booted {
		return true, k.remount(ctx, pod)
	}
	datastore := pod.Labels[resource.DatastoreLabel]
	var secret corev1.Secret
	var config corev1.ConfigMap
	var claim corev1.PersistentVolumeClaim
	for name, into := range map[string]client.Object{
		resource.MemberSecretName(datastore): &secret, resource.ConfigName(datastore): &config, claimOf(pod): &claim,
	} {
		err := k.Get(ctx, client.ObjectKey{Namespace: pod.Namespace, Name: name}, into)
		if apierrors.IsNotFound(err) {
			return false, nil
		}
		if err != nil {
			return false, fmt.Errorf("mount %s in %s: %w", name, pod.Name, err)
		}
	}
	var addresses map[string]string
	if json.Unmarshal([]byte(config.Data[resource.AddressesKey]), &addresses) != nil || addresses[pod.Name] == "" {
		return false, nil
	}
	k.booted.Store(client.ObjectKeyFromObject(pod), pod.UID)
	k.world.Boot(members.Pod{
		Datastore: types.NamespacedName{Namespace: pod.Namespace, Name: datastore},
		Name:      pod.Name, UID: pod.UID, ClaimUID: claim.UID,
		ClusterID: env(pod, settings.EnvClusterID), IP: ip, Mounted: secret.Data,
		Files: reloadable(&config),
	})
	k.mounted.Store(pod.UID, secret.ResourceVersion)
	return true, nil
}

// reloadable returns the files that init would write and a server takes up
// without a restart.
func reloadable(config *corev1.ConfigMap) map[string]string {
	out := map[string]string{}
	for name := range strings.SplitSeq(config.Annotations[resource.ReloadableAnnotation], ",") {
		if text, ok := config.Data[resource.FilePrefix+name]; ok {
			out[name] = text
		}
	}
	return out
}

func env(pod *corev1.Pod, name string) string {
	for _, c := range pod.Spec.InitContainers {
		for _, e := range c.Env {
			if e.Name == name {
				return e.Value
			}
		}
	}
	return ""
}

// containers tells how they are, and starts the server once the gate is open.
func (k *podKeeper) containers(pod *corev1.Pod, status *corev1.PodStatus) {
	state, _ := k.world.Look(pod.UID)
	server := containerOf(pod, resource.ServerContainer)
	bad := strings.HasPrefix(server.Image, BadImage)
	if state.Released && !state.Running && !bad {
		k.world.Start(pod.UID)
		state, _ = k.world.Look(pod.UID)
	}
	started := pod.CreationTimestamp
	running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: started}}
	status.Phase = corev1.PodPending
	if state.Released {
		status.Phase = corev1.PodRunning
	}
	status.InitContainerStatuses = []corev1.ContainerStatus{
		{Name: resource.InitContainer, Image: "quorate", Ready: true, State: corev1.ContainerState{
			Terminated: &corev1.ContainerStateTerminated{Reason: "Completed", StartedAt: started, FinishedAt: started},
		}},
		{Name: resource.AgentContainer, Image: "quorate", Ready: state.Released, Started: &state.Released, State: running},
	}
	now := corev1.ContainerStatus{Name: resource.ServerContainer, Image: server.Image, Ready: state.Serving, Started: &state.Running}
	was := statusNamed(pod.Status.ContainerStatuses, resource.ServerContainer)
	switch {
	case state.Running:
		now.State = running
	case was.State.Running != nil || was.State.Terminated != nil:
		now.State.Terminated = &corev1.ContainerStateTerminated{Reason: "Completed", StartedAt: started, FinishedAt: started}
	case state.Released && bad:
		now.State.Waiting = imageBackOff(server.Image)
	default:
		now.State.Waiting = &corev1.ContainerStateWaiting{Reason: "PodInitializing"}
	}
	status.ContainerStatuses = []corev1.ContainerStatus{now}
	ready := corev1.ConditionFalse
	if state.Serving {
		ready = corev1.ConditionTrue
	}
	setCondition(status, corev1.PodReady, ready, "", "")
}

func containerOf(pod *corev1.Pod, name string) corev1.Container {
	for _, c := range pod.Spec.Containers {
		if c.Name == name {
			return c
		}
	}
	return corev1.Container{}
}

func statusNamed(all []corev1.ContainerStatus, name string) corev1.ContainerStatus {
	for _, c := range all {
		if c.Name == name {
			return c
		}
	}
	return corev1.ContainerStatus{}
}

func setCondition(status *corev1.PodStatus, kind corev1.PodConditionType, value corev1.ConditionStatus, reason, message string) {
	for i := range status.Conditions {
		c := &status.Conditions[i]
		if c.Type == kind {
			if c.Status != value || c.Reason != reason || c.Message != message {
				c.Status, c.Reason, c.Message, c.LastTransitionTime = value, reason, message, metav1.Now()
			}
			return
		}
	}
	status.Conditions = append(status.Conditions, corev1.PodCondition{
		Type: kind, Status: value, Reason: reason, Message: message, LastTransitionTime: metav1.Now(),
	})
}
