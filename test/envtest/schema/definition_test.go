// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"context"
	"os"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

const (
	definitionFile = crdFolder + "/quorate.dev_datastores.yaml"

	// sizeBudget keeps the definition far below the 256 KiB that a client-side apply can store.
	sizeBudget = 128 << 10
)

// definition reads the CustomResourceDefinition.
func definition() *apiextensionsv1.JSONSchemaProps {
	GinkgoHelper()
	content, err := os.ReadFile(definitionFile)
	Expect(err).NotTo(HaveOccurred())
	var crd apiextensionsv1.CustomResourceDefinition
	Expect(yaml.UnmarshalStrict(content, &crd)).To(Succeed())
	Expect(crd.Spec.Versions).To(HaveLen(1))
	return crd.Spec.Versions[0].Schema.OpenAPIV3Schema
}

// walk visits a schema and all below it, with the path of each.
func walk(schema *apiextensionsv1.JSONSchemaProps, path string, visit func(string, *apiextensionsv1.JSONSchemaProps) bool) {
	if !visit(path, schema) {
		return
	}
	for name, property := range schema.Properties {
		walk(&property, path+"."+name, visit)
	}
	if schema.Items != nil && schema.Items.Schema != nil {
		walk(schema.Items.Schema, path+"[]", visit)
	}
}

// allRules returns the CEL rules of the schema by path.
func allRules(schema *apiextensionsv1.JSONSchemaProps) map[string]apiextensionsv1.ValidationRules {
	found := map[string]apiextensionsv1.ValidationRules{}
	walk(schema, "", func(path string, s *apiextensionsv1.JSONSchemaProps) bool {
		if len(s.XValidations) > 0 {
			found[path] = s.XValidations
		}
		return true
	})
	return found
}

// rulesAt returns the CEL rules of one property.
func rulesAt(schema *apiextensionsv1.JSONSchemaProps, path ...string) apiextensionsv1.ValidationRules {
	GinkgoHelper()
	at := *schema
	for _, name := range path {
		Expect(at.Properties).To(HaveKey(name))
		at = at.Properties[name]
	}
	return at.XValidations
}

// foreign are the properties whose inside is Kubernetes' own.
var foreign = map[string]bool{
	".metadata":                           true,
	".spec.pod.affinity":                  true,
	".spec.pod.tolerations":               true,
	".spec.pod.topologySpreadConstraints": true,
	".spec.pod.imagePullSecrets":          true,
	".spec.pod.volumes[].emptyDir":        true,
	".spec.pod.volumes[].configMap":       true,
	".spec.pod.volumes[].downwardAPI":     true,
	".status.conditions":                  true,
}

var _ = Describe("The definition", func() {
	It("is small enough to apply in every way", func() {
		info, err := os.Stat(definitionFile)
		Expect(err).NotTo(HaveOccurred())
		Expect(info.Size()).To(BeNumerically("<", sizeBudget))
	})

	It("describes every field of ours, in words of its own", func() {
		described := 0
		walk(definition(), "", func(path string, s *apiextensionsv1.JSONSchemaProps) bool {
			if path != ".metadata" && path[max(0, len(path)-2):] != "[]" {
				Expect(len(s.Description)).To(BeNumerically(">", 10), "the description of %q: %q", path, s.Description)
				described++
			}
			return !foreign[path]
		})
		Expect(described).To(BeNumerically(">", 60))
	})

	It("bounds every text, list and map that a rule looks at", func() {
		walk(definition(), "", func(path string, s *apiextensionsv1.JSONSchemaProps) bool {
			if len(s.XValidations) > 0 && s.Type == "array" {
				Expect(s.MaxItems).NotTo(BeNil(), path)
			}
			if len(s.XValidations) > 0 && s.AdditionalProperties != nil {
				Expect(s.MaxProperties).NotTo(BeNil(), path)
			}
			return !foreign[path]
		})
	})
})

var _ = Describe("kubectl", func() {
	It("explains a field by the short name", func(ctx context.Context) {
		// The API server publishes what it knows of a new kind a moment after it has accepted it.
		Eventually(ctx, func() (string, error) { return tryKubectl("explain", "dstore.spec.storage.size") }, 30*time.Second).
			Should(ContainSubstring("It can be raised, and"))
		Expect(kubectl("explain", "dstore.spec.storage.retention.whenLost")).To(SatisfyAll(
			ContainSubstring("A node that is only silent is not gone"), MatchRegexp(`ENUM:\s+Ask\s+Delete\s`)))
		Expect(kubectl("explain", "dstore.spec.disruption")).To(ContainSubstring("with one or two members"))
		Expect(kubectl("explain", "dstore.spec.stopped")).To(ContainSubstring("on their own data"))
		Expect(kubectl("explain", "dstore.spec.consul.ui.ingress.host")).To(ContainSubstring("consul.example.com"))
		Expect(kubectl("explain", "dstore.status.faultTolerance")).To(ContainSubstring("may fail now without loss"))
	})

	It("shows the columns", func(ctx context.Context) {
		datastore := stored(ctx, sample())
		datastore.Status = reported()
		Expect(api.Status().Update(ctx, datastore)).To(Succeed())
		Expect(kubectl("get", "dstore", datastore.Name)).To(MatchRegexp(
			`NAME +ENGINE +VERSION +DESIRED +READY +TOLERANCE +STATUS +AGE\n%s +Consul +1\.22\.3 +3 +2 +0 +MembersNotReady +`,
			datastore.Name))
		Expect(kubectl("get", "dstore", datastore.Name, "-o", "wide")).To(SatisfyAll(
			ContainSubstring("PLAN"), ContainSubstring("waits for the third voter")))
	})

	It("scales, within the bounds", func(ctx context.Context) {
		datastore := stored(ctx, sample())
		kubectl("scale", "dstore", datastore.Name, "--replicas=5")
		Expect(kubectl("get", "dstore", datastore.Name, "-o", "jsonpath={.spec.replicas}")).To(Equal("5"))
	})
})
