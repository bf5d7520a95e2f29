// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"context"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/test/wrappers"
)

// definitions is a client for the definition itself.
func definitions() client.Client {
	GinkgoHelper()
	types := runtime.NewScheme()
	Expect(apiextensionsv1.AddToScheme(types)).To(Succeed())
	c, err := client.New(config, client.Options{Scheme: types})
	Expect(err).NotTo(HaveOccurred())
	return c
}

// setRules writes the rules of the whole object.
func setRules(ctx context.Context, change func(apiextensionsv1.ValidationRules) apiextensionsv1.ValidationRules) {
	GinkgoHelper()
	c := definitions()
	var crd apiextensionsv1.CustomResourceDefinition
	Expect(c.Get(ctx, client.ObjectKey{Name: "datastores." + v1alpha1.GroupName}, &crd)).To(Succeed())
	root := crd.Spec.Versions[0].Schema.OpenAPIV3Schema
	root.XValidations = change(root.XValidations)
	Expect(c.Update(ctx, &crd)).To(Succeed())
}

// The API server takes up a definition some moments after it was written, so that what
// follows a change of it is awaited.
var _ = Describe("A Datastore that was made before -rack- was refused in names", Serial, func() {
	It("can be changed, and its status written", func(ctx context.Context) {
		const name = "db-rack-a"
		expectRefusal(try(ctx, wrappers.MakeDatastore(name).Obj()), "", "must not hold -rack-")

		By("making it while there is no such rule")
		var all apiextensionsv1.ValidationRules
		setRules(ctx, func(rules apiextensionsv1.ValidationRules) apiextensionsv1.ValidationRules {
			all = rules
			return slices.DeleteFunc(slices.Clone(rules), func(r apiextensionsv1.ValidationRule) bool { return strings.Contains(r.Rule, "-rack-") })
		})
		putBack := func(ctx context.Context) {
			setRules(ctx, func(apiextensionsv1.ValidationRules) apiextensionsv1.ValidationRules { return all })
			Eventually(func() error { return try(ctx, wrappers.MakeDatastore("db-rack-b").Obj()) }).ShouldNot(Succeed())
		}
		DeferCleanup(putBack)
		datastore := wrappers.MakeDatastore(name).Obj()
		Eventually(func() error { return api.Create(ctx, datastore) }).Should(Succeed())
		DeferCleanup(func(ctx context.Context) { Expect(api.Delete(ctx, datastore)).To(Succeed()) })

		By("putting the rule back")
		putBack(ctx)
		datastore.Status.ObservedGeneration = datastore.Generation
		Expect(api.Status().Update(ctx, datastore)).To(Succeed())
		datastore.Spec.Paused = true
		Expect(api.Update(ctx, datastore)).To(Succeed())
		datastore.Labels = map[string]string{"team": "a"}
		Expect(api.Update(ctx, datastore)).To(Succeed())
	})
})
