// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"context"
	_ "embed"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gexec"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/quorate/quorate/hack/toolchain"
)

//go:embed stages/stages.yaml
var kwokStages []byte

// controllers are those that a Datastore's objects meet, and no other.
var controllers = []string{
	"statefulset-controller", "garbage-collector-controller", "persistentvolume-binder-controller",
	"persistentvolumeclaim-protection-controller", "endpointslice-controller", "disruption-controller",
}

// nodes is how many there are.
const nodes = 3

// startControlPlane starts the real controllers, the real scheduler and kwok.
func startControlPlane(ctx context.Context, environment *envtest.Environment) {
	GinkgoHelper()
	names := []string{"kube-controller-manager", "kube-scheduler", "kwok"}
	programs, err := toolchain.Ensure(ctx, GinkgoWriter, names...)
	Expect(err).NotTo(HaveOccurred())

	user, err := environment.AddUser(envtest.User{Name: "control-plane", Groups: []string{"system:masters"}}, nil)
	Expect(err).NotTo(HaveOccurred())
	access, err := user.KubeConfig()
	Expect(err).NotTo(HaveOccurred())
	dir := GinkgoT().TempDir()
	kubeconfig, stages := filepath.Join(dir, "kubeconfig"), filepath.Join(dir, "stages.yaml")
	Expect(os.WriteFile(kubeconfig, access, 0o600)).To(Succeed())
	Expect(os.WriteFile(stages, kwokStages, 0o600)).To(Succeed())

	for _, i := range []string{"a", "b", "c"}[:nodes] {
		ExpectApplied(ctx, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node-" + i, Labels: map[string]string{
			corev1.LabelHostname: "node-" + i, corev1.LabelTopologyZone: i,
		}}})
	}
	run(programs["kwok"], "--kubeconfig="+kubeconfig, "--config="+stages, "--manage-all-nodes=true", "--cidr=10.64.0.0/12", "--node-lease-duration-seconds=0")
	run(programs["kube-controller-manager"], "--kubeconfig="+kubeconfig, "--leader-elect=false", "--secure-port=0",
		"--controllers="+strings.Join(controllers, ","), "--kube-api-qps=1000", "--kube-api-burst=1000",
		"--concurrent-statefulset-syncs=10", "--concurrent-gc-syncs=10")
	run(programs["kube-scheduler"], "--kubeconfig="+kubeconfig, "--leader-elect=false", "--secure-port=0", "--kube-api-qps=1000", "--kube-api-burst=1000")
	Eventually(func(g Gomega) {
		var all corev1.NodeList
		g.Expect(API.List(ctx, &all)).To(Succeed())
		for _, n := range all.Items {
			g.Expect(n.Status.Phase).To(Equal(corev1.NodeRunning), n.Name)
			if len(n.Spec.Taints) > 0 {
				n.Spec.Taints = nil // put there until a node controller would find it ready
				g.Expect(API.Update(ctx, &n)).To(Succeed())
			}
		}
	}).Should(Succeed())
	awaitCollector(ctx)
}

// run starts a program and stops it with the suite.
func run(program string, args ...string) {
	GinkgoHelper()
	cmd := exec.Command(program, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	session, err := gexec.Start(cmd, logOf(program), logOf(program))
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { Eventually(session.Kill().Exited).WithTimeout(10 * time.Second).Should(BeClosed()) })
}

// logOf keeps a program's output for a failure only if it is asked for: it is
// long.
func logOf(program string) *gexec.PrefixedWriter {
	if os.Getenv("QUORATE_TEST_LOG") == "" {
		return gexec.NewPrefixedWriter("", discard{})
	}
	return gexec.NewPrefixedWriter(filepath.Base(program)+" ", GinkgoWriter)
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// awaitCollector waits until garbage collection works: the collector first
// looks at all kinds that there are.
func awaitCollector(ctx context.Context) {
	GinkgoHelper()
	orphan := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Namespace: metav1.NamespaceDefault, GenerateName: "orphan-",
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: "nobody", UID: "nobody"}},
	}}
	ExpectApplied(ctx, orphan)
	Eventually(func() error { return API.Get(ctx, client.ObjectKeyFromObject(orphan), orphan) }).WithTimeout(time.Minute).ShouldNot(Succeed())
}
