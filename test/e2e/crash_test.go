//go:build e2e

// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	_ "github.com/quorate/quorate/internal/controller" // registers the manager's fault points
	"github.com/quorate/quorate/internal/faultpoint"
	"github.com/quorate/quorate/test/wrappers"
)

// onceFile is in a volume that a restart of the container does not empty, so
// that the manager dies at its point once and then goes on.
const onceFile = "/faultpoint/reached"

// elsewhere are points that are not tried here, and why. Each new one has to be
// put here, or to be reached by what is done below.
var elsewhere = map[string]string{
	"manager.agent-upgraded":       "among real controllers, with an operator of another image",
	"manager.authority-introduced": "against the API server: each phase waits for kubelets for a minute",
	"manager.trust-written":        "as the one before",
	"manager.pair-issued":          "as the one before",
	"manager.authority-promoted":   "as the one before",
	"manager.statefulset-deleted":  "against the API server: a set has to lose all of its data first",
	"manager.rack-applied":         "against the API server: Consul has no racks",
	"manager.account-written":      "against the API server: Consul has no accounts that the operator keeps",
	"manager.claim-labelled":       "against the API server: a set has to be made by hand first",
	"manager.pod-labelled":         "as the one before",
	"manager.statefulset-orphaned": "as the one before",
	"manager.key-introduced":       "against the API server: no member joins or leaves by it",
	"manager.key-promoted":         "as the one before",
	"manager.key-forgotten":        "as the one before",
}

// work are points that a formation does not come to, and what does.
var work = map[string]struct {
	change func(*v1alpha1.Datastore)
	size   int
}{
	"manager.claim-enlarged":    {func(d *v1alpha1.Datastore) { d.Spec.Storage.Size = resource.MustParse("2Gi") }, 3},
	"manager.address-withdrawn": {func(d *v1alpha1.Datastore) { d.Spec.Pod.Annotations = map[string]string{"example.com/round": "1"} }, 3},
	"manager.claim-owned":       {func(d *v1alpha1.Datastore) { d.Spec.Storage.Retention.WhenDeleted = v1alpha1.RetentionDelete }, 3},
	"manager.claim-deleted": {func(d *v1alpha1.Datastore) {
		d.Spec.Storage.Retention.WhenScaled, d.Spec.Replicas = v1alpha1.RetentionDelete, ptr.To[int32](2)
	}, 2},
}

var _ = Describe("The operator killed in the middle of its work", Ordered, func() {
	AfterAll(func(ctx SpecContext) {
		setFaultPoint(ctx, "")
	})

	for _, point := range faultpoint.All() {
		if !strings.HasPrefix(point, "manager.") || elsewhere[point] != "" {
			continue // the agent's are tried on the agent alone
		}
		It("at "+point+", goes on and forms one set", func(ctx SpecContext) {
			setFaultPoint(ctx, point)
			key := types.NamespacedName{Namespace: newNamespaceLeftToGo(ctx, "crash"), Name: "consul"}
			d := wrappers.MakeDatastore(key.Name).Namespace(key.Namespace).Replicas(3).Obj()
			if point == "manager.pod-deleted" {
				// A pod is only ever deleted in a formation that could not begin.
				d.Spec.Image = "hashicorp/consul:no-such-tag"
			}
			expectApplied(ctx, d)
			if d.Spec.Image != "" {
				expectCondition(ctx, key, v1alpha1.ConditionStalled, "True", v1alpha1.ReasonPodStuck)
				update(ctx, key, func(d *v1alpha1.Datastore) { d.Spec.Image = "" })
			}
			size := 3
			if w, ok := work[point]; ok {
				expectSettled(ctx, key, 3)
				update(ctx, key, w.change)
				size = w.size
			}
			Eventually(ctx, func() (int32, error) { return managerRestarts(ctx) }).
				Should(BeNumerically(">=", 1), "the operator was not killed at %s: the point is not reached", point)
			expectSettled(ctx, key, size)
			startClient(ctx, key.Namespace)
			expectPeers(ctx, key, size)
			expectWritten(ctx, key, "k", "v")
		})
	}
})

// setFaultPoint has the manager die at a point once, or at none. It runs
// without leader election, whose lease a killed leader would keep for a while.
func setFaultPoint(ctx context.Context, point string) {
	GinkgoHelper()
	var d appsv1.Deployment
	Eventually(ctx, func() error {
		if err := k8s.Get(ctx, types.NamespacedName{Namespace: operatorNamespace, Name: "quorate-manager"}, &d); err != nil {
			return err
		}
		// Another pod each time: one operator dies at one point once.
		metav1.SetMetaDataAnnotation(&d.Spec.Template.ObjectMeta, "fault-point-set", time.Now().Format(time.RFC3339Nano))
		spec := &d.Spec.Template.Spec
		c := &spec.Containers[0]
		c.Env = append(withoutFaults(c.Env), corev1.EnvVar{Name: faultpoint.Env, Value: point}, corev1.EnvVar{Name: faultpoint.OnceEnv, Value: onceFile})
		if point != "" {
			c.Args = []string{"manager"}
		} else {
			c.Args = []string{"manager", "--leader-elect"}
		}
		spec.Volumes = []corev1.Volume{{Name: "faultpoint", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}}
		c.VolumeMounts = []corev1.VolumeMount{{Name: "faultpoint", MountPath: "/faultpoint"}}
		d.Spec.Strategy = appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType}
		return k8s.Update(ctx, &d)
	}).Should(Succeed())
	Expect(cluster.Kubectl(ctx, "-n", operatorNamespace, "rollout", "status", "deployment/quorate-manager", "--timeout=60s")).To(Succeed())
}

func withoutFaults(env []corev1.EnvVar) []corev1.EnvVar {
	var out []corev1.EnvVar
	for _, e := range env {
		if e.Name != faultpoint.Env && e.Name != faultpoint.OnceEnv {
			out = append(out, e)
		}
	}
	return out
}

// managerRestarts counts the restarts of the manager's container.
func managerRestarts(ctx context.Context) (int32, error) {
	var pods corev1.PodList
	if err := k8s.List(ctx, &pods, client.InNamespace(operatorNamespace)); err != nil {
		return 0, err
	}
	var n int32
	for _, p := range pods.Items {
		for _, c := range p.Status.ContainerStatuses {
			n += c.RestartCount
		}
	}
	return n, nil
}
