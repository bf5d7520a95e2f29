// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package resource tests the rendered children against a real API server: that
// it takes them, that it fills in nothing which would be sent again, and that
// pods of the template are admitted where a namespace is strict.
package resource

import (
	"context"
	"os"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/hack/toolchain"
)

const crdFolder = "../../../config/crd/bases"

var api client.Client

func TestResource(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Resource")
}

var _ = BeforeSuite(func(ctx context.Context) {
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
	config, err := environment.Start()
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(environment.Stop)

	types := runtime.NewScheme()
	Expect(scheme.AddToScheme(types)).To(Succeed())
	Expect(v1alpha1.AddToScheme(types)).To(Succeed())
	api, err = client.New(config, client.Options{Scheme: types})
	Expect(err).NotTo(HaveOccurred())
}, NodeTimeout(20*time.Minute))
