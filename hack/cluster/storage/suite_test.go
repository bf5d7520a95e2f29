// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// pvProtection is Kubernetes' own finalizer on volumes, which its volume controller lifts; here the test does.
const pvProtection = "kubernetes.io/pv-protection"

// bench is an API server, without controllers, and a provisioner beside it. The test plays the scheduler and the
// volume controller, always by the names and in the order in which these act.
type bench struct {
	Gomega
	t   *testing.T
	ctx context.Context
	cfg *rest.Config
	client.Client
	dir string
}

// newBench starts the API server, applies the classes and makes node1. The provisioner is started by start.
func newBench(t *testing.T) *bench {
	t.Helper()
	needRoot(t)
	if os.Getenv("KUBEBUILDER_ASSETS") == "" {
		t.Fatal("KUBEBUILDER_ASSETS must name the folder with kube-apiserver and etcd; " +
			"`go run ./hack/toolchain/cmd/toolchain envtest` builds and prints it")
	}
	env := &envtest.Environment{}
	cfg, err := env.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := env.Stop(); err != nil {
			t.Error(err)
		}
	})
	g := patient(t)
	c, err := client.New(cfg, client.Options{})
	g.Expect(err).NotTo(HaveOccurred())
	dir := filepath.Join(t.TempDir(), "volumes")
	t.Cleanup(func() {
		if err := Cleanup(dir); err != nil {
			t.Error(err)
		}
	})
	b := &bench{Gomega: g, t: t, ctx: t.Context(), cfg: cfg, Client: c, dir: dir}
	b.Expect(Apply(b.ctx, cfg)).To(Succeed())
	b.Expect(Apply(b.ctx, cfg)).To(Succeed(), "applying is repeatable")
	b.Expect(b.Create(b.ctx, &corev1.Node{ObjectMeta: metav1.ObjectMeta{
		Name: "node1", Labels: map[string]string{corev1.LabelHostname: "host1"},
	}})).To(Succeed())
	return b
}

// patient returns assertions that wait long enough for a slow machine.
func patient(t *testing.T) Gomega {
	g := NewWithT(t)
	g.SetDefaultEventuallyTimeout(20 * time.Second)
	g.SetDefaultEventuallyPollingInterval(20 * time.Millisecond)
	g.SetDefaultConsistentlyDuration(500 * time.Millisecond)
	return g
}

// start runs the provisioner and returns what stops it, which the end of the test does too.
func (b *bench) start() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	opts := Options{Dir: b.dir, Log: testr.New(b.t)}
	go func() { done <- Run(ctx, b.cfg, opts) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			b.t.Error(err)
		}
	}
	b.t.Cleanup(stop)
	return stop
}

// claim creates a claim that the scheduler and the volume controller have already asked to be provisioned on a node.
func (b *bench) claim(name, class, size, node string) *corev1.PersistentVolumeClaim {
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, Annotations: map[string]string{
			storageProvisionerKey: Provisioner, selectedNodeAnnotation: node,
		}},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)},
			},
		},
	}
	if class != "" {
		claim.Spec.StorageClassName = &class
	}
	b.Expect(b.Create(b.ctx, claim)).To(Succeed())
	return claim
}

// volume waits for the volume of the claim.
func (b *bench) volume(claim *corev1.PersistentVolumeClaim) *corev1.PersistentVolume {
	pv := &corev1.PersistentVolume{}
	b.Eventually(func() error {
		return b.Get(b.ctx, client.ObjectKey{Name: volumeName(claim)}, pv)
	}).Should(Succeed())
	return pv
}

// bind does what the volume controller does when it binds the claim to the volume made for it.
func (b *bench) bind(claim *corev1.PersistentVolumeClaim, pv *corev1.PersistentVolume) {
	b.phase(pv, corev1.VolumeBound)
	b.Expect(b.Get(b.ctx, client.ObjectKeyFromObject(claim), claim)).To(Succeed())
	claim.Spec.VolumeName = pv.Name
	b.Expect(b.Update(b.ctx, claim)).To(Succeed())
	claim.Status.Phase = corev1.ClaimBound
	claim.Status.Capacity = pv.Spec.Capacity.DeepCopy()
	b.Expect(b.Status().Update(b.ctx, claim)).To(Succeed())
}

// phase sets the phase of the volume, as the volume controller does.
func (b *bench) phase(pv *corev1.PersistentVolume, phase corev1.PersistentVolumePhase) {
	b.Eventually(func() error {
		if err := b.Get(b.ctx, client.ObjectKeyFromObject(pv), pv); err != nil {
			return err
		}
		pv.Status.Phase = phase
		return b.Status().Update(b.ctx, pv)
	}).Should(Succeed())
}

// drop removes the claim, which nothing uses, and reports the volume released.
func (b *bench) drop(claim *corev1.PersistentVolumeClaim, pv *corev1.PersistentVolume) {
	b.Expect(b.Delete(b.ctx, claim)).To(Succeed())
	b.Eventually(func() error { return b.unprotect(claim, "kubernetes.io/pvc-protection") }).Should(Succeed())
	b.phase(pv, corev1.VolumeReleased)
}

// unprotect takes a finalizer of Kubernetes' own off an object, as its controllers do once nothing uses it.
func (b *bench) unprotect(object client.Object, protection string) error {
	if err := b.Get(b.ctx, client.ObjectKeyFromObject(object), object); err != nil {
		return client.IgnoreNotFound(err)
	}
	if !controllerutil.RemoveFinalizer(object, protection) {
		return nil
	}
	return client.IgnoreNotFound(b.Update(b.ctx, object))
}

// gone reports whether the object no longer exists.
func (b *bench) gone(object client.Object) func() bool {
	return func() bool {
		return apierrors.IsNotFound(b.Get(b.ctx, client.ObjectKeyFromObject(object), object))
	}
}

// notes returns the notes of the events about the object that have this reason.
func (b *bench) notes(object client.Object, reason string) func() ([]string, error) {
	return func() ([]string, error) {
		list := &corev1.EventList{}
		err := b.List(b.ctx, list)
		var notes []string
		for i := range list.Items {
			if e := &list.Items[i]; e.InvolvedObject.UID == object.GetUID() && e.Reason == reason {
				notes = append(notes, e.Message)
			}
		}
		return notes, err
	}
}
