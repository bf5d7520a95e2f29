//go:build e2e

// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/hack/target"
)

const operatorNamespace = "quorate-system"

// withMongoDB labels the specs that need servers of MongoDB. They are run by
// themselves, on a cluster of another name, beside all others.
var withMongoDB = Label("mongodb")

// withCassandra labels those that need servers of Cassandra, which take so long to start
// that they are run when somebody asks for them.
var withCassandra = Label("cassandra")

var (
	clusterKind = flag.String("cluster", string(target.Local), "local, kind or existing")
	clusterName = flag.String("name", "quorate-e2e", "name of the cluster that is made")
	mongoServer = flag.String("mongodb", "", "double or real: the server of MongoDB (default: the double on the local cluster, the real one elsewhere)")
	furtherLoad = flag.String("images", "", "pattern of archives of images that are loaded besides those of dist/images, from the root of the checkout")
	keepCluster = flag.Bool("keep", false, "leave the cluster up at the end")

	cluster *target.Target
	k8s     client.WithWatch
)

func TestEndToEnd(t *testing.T) {
	RegisterFailHandler(Fail)
	SetDefaultEventuallyTimeout(2 * time.Minute)
	EnforceDefaultTimeoutsWhenUsingContexts()
	SetDefaultEventuallyPollingInterval(250 * time.Millisecond)
	RunSpecs(t, "End to end")
}

var _ = BeforeSuite(func(ctx SpecContext) {
	root, err := filepath.Abs(filepath.Join("..", ".."))
	Expect(err).NotTo(HaveOccurred())
	cluster, err = target.New(ctx, target.Kind(*clusterKind), *clusterName, root, GinkgoWriter)
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func(ctx SpecContext) {
		if !*keepCluster {
			Expect(cluster.Down(ctx)).To(Succeed())
		}
	}, NodeTimeout(2*time.Minute))
	By("bringing the cluster up")
	Expect(cluster.Up(ctx)).To(Succeed())
	images, err := cluster.Images()
	Expect(err).NotTo(HaveOccurred())
	server, err := cluster.MongoDB(*mongoServer)
	Expect(err).NotTo(HaveOccurred())
	further, err := filepath.Glob(filepath.Join(root, *furtherLoad))
	Expect(err).NotTo(HaveOccurred())
	if *furtherLoad == "" {
		further = nil
	}
	Expect(cluster.Load(ctx, append(server.Of(images), further...)...)).To(Succeed())
	k8s = connect(ctx)
	By("installing the operator by its chart")
	installOperator(ctx)
}, NodeTimeout(10*time.Minute))

// installOperator installs the chart, or brings back to it what a spec has changed
// of the operator by hand.
func installOperator(ctx context.Context, more ...string) {
	GinkgoHelper()
	args := []string{"upgrade", "--install", "quorate", filepath.Join(cluster.Root, "charts", "quorate"),
		"--namespace", operatorNamespace, "--create-namespace", "--wait", "--timeout", "120s", "--force-conflicts"}
	Expect(cluster.Helm(ctx, append(args, more...)...)).To(Succeed())
}

func connect(ctx context.Context) client.WithWatch {
	GinkgoHelper()
	path, err := cluster.Kubeconfig(ctx)
	Expect(err).NotTo(HaveOccurred())
	text, err := os.ReadFile(path)
	Expect(err).NotTo(HaveOccurred())
	config, err := clientcmd.RESTConfigFromKubeConfig(text)
	Expect(err).NotTo(HaveOccurred())
	config.QPS = -1
	scheme := runtime.NewScheme()
	Expect(clientgoscheme.AddToScheme(scheme)).To(Succeed())
	Expect(v1alpha1.AddToScheme(scheme)).To(Succeed())
	c, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	Expect(err).NotTo(HaveOccurred())
	return c
}
