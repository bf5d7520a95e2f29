//go:build e2e

// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/hack/target"
)

// The set of the tutorial, with the server that can be had today: a headless Service, a
// ConfigMap, a StatefulSet of three and a Service for clients. Beside the tutorial's it
// meets the restricted Pod Security level, its pods have a probe, its ConfigMap has the
// namespace written in where the tutorial's init container would do that, and its
// headless Service names pods that are not ready, which an adoption asks for.
func tutorialConsul(namespace string) []client.Object {
	labels := map[string]string{"app": "consul"}
	named := metav1.ObjectMeta{Namespace: namespace, Name: "consul"}
	config := fmt.Sprintf(`{"datacenter":"kubernetes","server":true,"bootstrap_expect":3,"data_dir":"/consul/data","client_addr":"0.0.0.0","domain":"cluster.local",
		"ui_config":{"enabled":true},"disable_update_check":true,
		"retry_join":["consul-0.consul.%[1]s.svc.cluster.local","consul-1.consul.%[1]s.svc.cluster.local","consul-2.consul.%[1]s.svc.cluster.local"]}`, namespace)
	return []client.Object{
		&corev1.Service{ObjectMeta: named, Spec: corev1.ServiceSpec{
			ClusterIP: corev1.ClusterIPNone, PublishNotReadyAddresses: true, Selector: labels, Ports: []corev1.ServicePort{{Port: 8500}},
		}},
		&corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "consul-ui"}, Spec: corev1.ServiceSpec{
			Selector: labels, Ports: []corev1.ServicePort{{Port: 8500}},
		}},
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "consulconfig"}, Data: map[string]string{"consul.json": config}},
		&appsv1.StatefulSet{ObjectMeta: named, Spec: appsv1.StatefulSetSpec{
			Replicas: ptr.To[int32](3), ServiceName: "consul", Selector: &metav1.LabelSelector{MatchLabels: labels}, PodManagementPolicy: appsv1.ParallelPodManagement,
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{
				TerminationGracePeriodSeconds: ptr.To[int64](30),
				SecurityContext: &corev1.PodSecurityContext{
					RunAsNonRoot: ptr.To(true), RunAsUser: ptr.To[int64](100), RunAsGroup: ptr.To[int64](1000), FSGroup: ptr.To[int64](1000),
					SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
				},
				Volumes: []corev1.Volume{{Name: "config", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
					LocalObjectReference: corev1.LocalObjectReference{Name: "consulconfig"},
				}}}},
				Containers: []corev1.Container{{
					Name: "consul", Image: "hashicorp/consul:1.22.3", Command: []string{"/bin/consul", "agent", "-config-dir=/etc/consul"},
					ReadinessProbe: &corev1.Probe{PeriodSeconds: 1, ProbeHandler: corev1.ProbeHandler{
						HTTPGet: &corev1.HTTPGetAction{Path: "/v1/operator/raft/configuration", Port: intstr.FromInt32(8500)},
					}},
					VolumeMounts: []corev1.VolumeMount{{Name: "data", MountPath: "/consul/data"}, {Name: "config", MountPath: "/etc/consul"}},
					SecurityContext: &corev1.SecurityContext{
						AllowPrivilegeEscalation: ptr.To(false), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
					},
				}},
			}},
			VolumeClaimTemplates: []corev1.PersistentVolumeClaim{{ObjectMeta: metav1.ObjectMeta{Name: "data"}, Spec: corev1.PersistentVolumeClaimSpec{
				AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
				Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: apiresource.MustParse("64Mi")}},
			}}},
		}},
	}
}

// steadyWriter writes keys through a Service of the user's as fast as it is answered.
type steadyWriter struct {
	writer
	mu     sync.Mutex
	acked  int
	gap    time.Duration
	cancel context.CancelFunc
	ended  chan struct{}
}

func startConsulWriter(ctx context.Context, namespace string) *steadyWriter {
	GinkgoHelper()
	var service corev1.Service
	Expect(k8s.Get(ctx, types.NamespacedName{Namespace: namespace, Name: "consul-ui"}, &service)).To(Succeed())
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	w := &steadyWriter{cancel: cancel, ended: make(chan struct{}), writer: writer{
		base: "http://" + service.Spec.ClusterIP + ":8500/v1/kv/",
		http: &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}},
	}}
	go func() {
		defer close(w.ended)
		last := time.Now()
		for running.Err() == nil {
			if err := w.write(running); err == nil {
				w.mu.Lock()
				w.acked++
				w.gap = max(w.gap, time.Since(last))
				w.mu.Unlock()
				if gap := time.Since(last); gap > time.Second {
					AddReportEntry("no write was acknowledged for", fmt.Sprintf("%.1f s until %s", gap.Seconds(), time.Now().Format(time.TimeOnly)))
				}
				last = time.Now()
			}
			time.Sleep(20 * time.Millisecond) // the pace of the writer
		}
	}()
	return w
}

func (w *steadyWriter) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.acked
}

// stop ends it; what it wrote can be looked for then.
func (w *steadyWriter) stop() {
	w.cancel()
	<-w.ended
}

// lost lists what was acknowledged and is not there.
func (w *steadyWriter) lost(ctx context.Context) (out []int) {
	GinkgoHelper()
	var keys []string
	Eventually(ctx, func() error {
		text, err := w.do(ctx, http.MethodGet, "key-?keys&consistent")
		if err != nil {
			return err
		}
		return json.Unmarshal([]byte(text), &keys)
	}).WithTimeout(10 * time.Second).Should(Succeed())
	there := map[string]bool{}
	for _, k := range keys {
		there[k] = true
	}
	for _, n := range w.done {
		if !there[fmt.Sprintf("key-%d", n)] {
			out = append(out, n)
		}
	}
	return out
}

var _ = Describe("A Consul cluster that was made by hand", func() {
	It("is taken over in place, each server under an address that stays, and with no write lost", func(ctx SpecContext) {
		if cluster.Kind != target.Local {
			Skip("a Service is dialled by its address here, which only the local cluster lets this machine reach")
		}
		namespace := newNamespace(ctx, "adoption")
		for _, o := range tutorialConsul(namespace) {
			expectApplied(ctx, o)
		}
		w := startConsulWriter(ctx, namespace)
		defer w.cancel()
		Eventually(ctx, w.count).Should(BeNumerically(">", 50))

		d := &v1alpha1.Datastore{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "consul"}, Spec: v1alpha1.DatastoreSpec{
			Engine: v1alpha1.EngineConsul, Version: "1.22.3", Replicas: ptr.To[int32](3),
			Storage: v1alpha1.Storage{Size: apiresource.MustParse("64Mi")},
			Pod:     v1alpha1.PodSpec{Labels: map[string]string{"app": "consul"}},
			Config:  &apiextensionsv1.JSON{Raw: []byte(`{"domain":"cluster.local"}`)},
			Consul:  &v1alpha1.ConsulSpec{Datacenter: "kubernetes"},
			Adopt:   &v1alpha1.Adopt{ClaimTemplate: "data", Authentication: v1alpha1.AuthenticationNone},
		}}
		t := expectAdoptionPlanned(ctx, d)
		Expect(t.stalled(ctx)).To(ContainSubstring("no authentication"))
		t.agree(ctx)
		runs := func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodRunning }
		Expect(t.expectDone(ctx, 8*time.Minute, runs)).To(BeNumerically(">=", 2), "members that ran at a time: which are ready depends on who leads, by the tutorial's probe")

		By("looking at what there is")
		written := w.count()
		Eventually(ctx, w.count).Should(BeNumerically(">", written+20))
		w.stop()
		AddReportEntry("acknowledged writes", fmt.Sprintf("%d, the longest pause between two %s", w.acked, w.gap))
		Expect(w.lost(ctx)).To(BeEmpty(), "acknowledged writes")
		t.expectSameClaims(ctx)
		expectSettled(ctx, t.key, 3)
	}, NodeTimeout(14*time.Minute))
})
