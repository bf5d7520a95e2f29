// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package controller runs the real controller against a real API server, with
// doubles for the controllers and kubelets that make pods, and for the members.
package controller

import (
	"context"
	"os"
	"testing"
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

const crdFolder = "../../../config/crd/bases"

var (
	api    client.Client
	cfg    *rest.Config
	types  *runtime.Scheme
	world  *members.World
	logger = logr.Discard()
)

func TestController(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Controller")
}

var _ = BeforeSuite(func(ctx context.Context) {
	SetDefaultEventuallyTimeout(30 * time.Second)
	SetDefaultEventuallyPollingInterval(40 * time.Millisecond)
	SetDefaultConsistentlyDuration(time.Second)
	SetDefaultConsistentlyPollingInterval(50 * time.Millisecond)
	if os.Getenv("QUORATE_TEST_LOG") != "" {
		logger = zap.New(zap.WriteTo(GinkgoWriter), zap.UseDevMode(true))
	}
	ctrl.SetLogger(logger)

	assets := os.Getenv("KUBEBUILDER_ASSETS")
	if assets == "" {
		var err error
		assets, err = toolchain.Envtest(ctx, GinkgoWriter)
		Expect(err).NotTo(HaveOccurred())
	}
	environment := &envtest.Environment{
		BinaryAssetsDirectory: assets,
		CRDDirectoryPaths:     []string{crdFolder},
		ErrorIfCRDPathMissing: true,
	}
	// Each scene has Services of its own, and all scenes share the API server.
	environment.ControlPlane.GetAPIServer().Configure().Set("service-cluster-ip-range", "10.96.0.0/16")
	var err error
	cfg, err = environment.Start()
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(environment.Stop)
	cfg.QPS = -1

	types = runtime.NewScheme()
	Expect(scheme.AddToScheme(types)).To(Succeed())
	Expect(v1alpha1.AddToScheme(types)).To(Succeed())
	api, err = client.New(cfg, client.Options{Scheme: types})
	Expect(err).NotTo(HaveOccurred())

	world = members.New()
	doubles, err := kubelet.New(cfg, types, world, kubelet.Options{Alone: true})
	Expect(err).NotTo(HaveOccurred())
	running, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- doubles.Start(running) }()
	DeferCleanup(func() {
		stop()
		Eventually(ended).Should(Receive(Succeed()))
	})
}, NodeTimeout(20*time.Minute))
