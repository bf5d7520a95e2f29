// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package stage is what suites of the whole controller share: an API server
// with or without the rest of a control plane, a namespace with an operator for
// each spec, and the verbs that specs are written in.
package stage

import (
	"context"
	"os"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/hack/toolchain"
	"github.com/quorate/quorate/test/double/kubelet"
	"github.com/quorate/quorate/test/double/members"
)

// What a suite has once it has begun.
var (
	// API is a user with all rights.
	API client.Client
	// Config is how the API server is reached.
	Config *rest.Config
	// Types are those of Kubernetes and ours.
	Types *runtime.Scheme
	// World holds agents and servers.
	World *members.World
)

// Begin starts an API server with our definitions, and the doubles for what it
// lacks. Complete starts the rest of a control plane too; then only agents,
// servers and what a kubelet tells of them are doubles. Crds is the folder of
// the definitions. All ends with the suite.
//
// With QUORATE_TEST_LOG set the logs of all controllers are part of the report.
func Begin(ctx context.Context, crds string, complete bool) {
	GinkgoHelper()
	SetDefaultEventuallyTimeout(time.Minute) // a machine may have much else to do
	SetDefaultEventuallyPollingInterval(40 * time.Millisecond)
	SetDefaultConsistentlyDuration(time.Second)
	SetDefaultConsistentlyPollingInterval(50 * time.Millisecond)
	logger := logr.Discard()
	if os.Getenv("QUORATE_TEST_LOG") != "" {
		logger = zap.New(zap.WriteTo(GinkgoWriter), zap.UseDevMode(true))
	}
	ctrl.SetLogger(logger)

	environment := startAPI(ctx, crds)
	Types = runtime.NewScheme()
	Expect(scheme.AddToScheme(Types)).To(Succeed())
	Expect(v1alpha1.AddToScheme(Types)).To(Succeed())
	var err error
	API, err = client.New(Config, client.Options{Scheme: Types})
	Expect(err).NotTo(HaveOccurred())
	if complete {
		startControlPlane(ctx, environment)
	}

	World = members.New()
	doubles, err := kubelet.New(Config, Types, World, kubelet.Options{Alone: !complete})
	Expect(err).NotTo(HaveOccurred())
	running, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- doubles.Start(running) }()
	DeferCleanup(func() {
		stop()
		Eventually(ended).Should(Receive(Succeed()))
	})
}

func startAPI(ctx context.Context, crds string) *envtest.Environment {
	GinkgoHelper()
	assets := os.Getenv("KUBEBUILDER_ASSETS")
	if assets == "" {
		var err error
		assets, err = toolchain.Envtest(ctx, GinkgoWriter)
		Expect(err).NotTo(HaveOccurred())
	}
	environment := &envtest.Environment{
		BinaryAssetsDirectory: assets,
		CRDDirectoryPaths:     []string{crds},
		ErrorIfCRDPathMissing: true,
	}
	// Each scene has Services of its own, and all scenes share the API server.
	environment.ControlPlane.GetAPIServer().Configure().Set("service-cluster-ip-range", "10.96.0.0/16")
	var err error
	Config, err = environment.Start()
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(environment.Stop)
	Config.QPS = -1
	return environment
}
