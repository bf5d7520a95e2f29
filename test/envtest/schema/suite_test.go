// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package schema tests what the CustomResourceDefinition alone promises, against a real API server.
package schema

import (
	"context"
	"os"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/hack/toolchain"
)

const crdFolder = "../../../config/crd/bases"

var (
	api    client.Client
	user   *envtest.AuthenticatedUser
	config *rest.Config
)

func TestSchema(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Schema")
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
	var err error
	config, err = environment.Start()
	Expect(err).NotTo(HaveOccurred(), "the API server accepts the definition, with the cost of its rules")
	DeferCleanup(environment.Stop)

	types := runtime.NewScheme()
	Expect(scheme.AddToScheme(types)).To(Succeed())
	Expect(v1alpha1.AddToScheme(types)).To(Succeed())
	api, err = client.New(config, client.Options{Scheme: types})
	Expect(err).NotTo(HaveOccurred())
	user, err = environment.AddUser(envtest.User{Name: "tester", Groups: []string{"system:masters"}}, nil)
	Expect(err).NotTo(HaveOccurred())
}, NodeTimeout(20*time.Minute))
