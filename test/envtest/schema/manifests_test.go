// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"context"
	"fmt"
	"os"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/quorate/quorate/api/v1alpha1"
)

const configFolder = "../../../config"

// kubectl runs the kubectl of the suite and returns what it printed.
func kubectl(args ...string) string {
	GinkgoHelper()
	out, err := tryKubectl(args...)
	Expect(err).NotTo(HaveOccurred())
	return out
}

// tryKubectl is kubectl where it may fail.
func tryKubectl(args ...string) (string, error) {
	GinkgoHelper()
	command, err := user.Kubectl()
	Expect(err).NotTo(HaveOccurred())
	out, errOut, err := command.Run(args...)
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, readAll(errOut))
	}
	return readAll(out), nil
}

var _ = Describe("The manifests of the operator", Ordered, func() {
	BeforeAll(func() {
		kubectl("apply", "-k", configFolder+"/default")
	})

	It("can be applied again, and change nothing then", func() {
		printed := strings.Split(strings.TrimSpace(kubectl("apply", "-k", configFolder+"/default")), "\n")
		Expect(len(printed)).To(BeNumerically(">", 5))
		Expect(printed).To(HaveEach(HaveSuffix(" unchanged")))
	})

	It("run a pod that a restricted namespace admits", func(ctx context.Context) {
		var manager appsv1.Deployment
		Expect(api.Get(ctx, client.ObjectKey{Namespace: "quorate-system", Name: "quorate-manager"}, &manager)).To(Succeed())
		var namespace corev1.Namespace
		Expect(api.Get(ctx, client.ObjectKey{Name: "quorate-system"}, &namespace)).To(Succeed())
		Expect(namespace.Labels).To(HaveKeyWithValue("pod-security.kubernetes.io/enforce", "restricted"))

		pod := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: "manager", Namespace: "quorate-system", Labels: manager.Spec.Template.Labels},
			Spec:       manager.Spec.Template.Spec,
		}
		Expect(try(ctx, pod.DeepCopy())).To(Succeed())

		pod.Spec.SecurityContext.RunAsNonRoot = nil
		Expect(try(ctx, pod)).To(MatchError(ContainSubstring("violates PodSecurity")), "so that the first half can fail")
	})

	It("let the roles edit and view of the cluster take up Datastores", func(ctx context.Context) {
		for name, label := range map[string]string{
			"quorate-datastore-editor-role": "rbac.authorization.k8s.io/aggregate-to-edit",
			"quorate-datastore-viewer-role": "rbac.authorization.k8s.io/aggregate-to-view",
		} {
			var role rbacv1.ClusterRole
			Expect(api.Get(ctx, client.ObjectKey{Name: name}, &role)).To(Succeed())
			Expect(role.Labels).To(HaveKeyWithValue(label, "true"))
			for _, rule := range role.Rules {
				Expect(rule.APIGroups).To(Equal([]string{v1alpha1.GroupName}))
			}
		}
	})
})

var _ = Describe("The sample", func() {
	It("is accepted as it stands", func(ctx context.Context) {
		kubectl("apply", "--validate=strict", "-k", configFolder+"/samples")
		var sample v1alpha1.Datastore
		Expect(api.Get(ctx, client.ObjectKey{Namespace: "consul-demo", Name: "consul"}, &sample)).To(Succeed())
		Expect(sample.ConsulSettings().Datacenter).To(Equal("kubernetes"))
		Expect(api.Delete(ctx, &sample)).To(Succeed())
	})

	It("of a ring in racks is accepted", func(ctx context.Context) {
		kubectl("apply", "--validate=strict", "-f", configFolder+"/samples/cassandra-racks.yaml")
		var sample v1alpha1.Datastore
		Expect(api.Get(ctx, client.ObjectKey{Namespace: "cassandra-racks-demo", Name: "cassandra"}, &sample)).To(Succeed())
		Expect(sample.CassandraSettings().Racks).To(HaveLen(3))
		Expect(api.Delete(ctx, &sample)).To(Succeed())
	})

	It("of one server is accepted, and deletes what it is to delete only", func(ctx context.Context) {
		kubectl("apply", "--validate=strict", "-f", configFolder+"/samples/namespace.yaml", "-f", configFolder+"/samples/consul-small.yaml")
		var sample v1alpha1.Datastore
		Expect(api.Get(ctx, client.ObjectKey{Namespace: "consul-demo", Name: "small"}, &sample)).To(Succeed())
		Expect(sample.AllowsDowntime()).To(BeTrue())
		Expect(sample.Spec.Storage.Retention).To(Equal(v1alpha1.Retention{
			WhenDeleted: v1alpha1.RetentionDelete, WhenScaled: v1alpha1.RetentionDelete, WhenLost: v1alpha1.LostAsk,
		}))
		Expect(api.Delete(ctx, &sample)).To(Succeed())
	})
})

var _ = Describe("The role of the manager", func() {
	It("neither lists Secrets, nor enters pods, nor grants itself more", func() {
		content, err := os.ReadFile(configFolder + "/rbac/role.yaml")
		Expect(err).NotTo(HaveOccurred())
		var role rbacv1.ClusterRole
		Expect(yaml.UnmarshalStrict(content, &role)).To(Succeed())
		Expect(role.Rules).NotTo(BeEmpty())
		for _, rule := range role.Rules {
			Expect(rule.Verbs).NotTo(ContainElements("*"))
			Expect(rule.Resources).NotTo(ContainElement(BeElementOf(
				"*", "pods/exec", "pods/attach", "pods/portforward", "pods/proxy", "pods/ephemeralcontainers",
				"services/proxy", "nodes/proxy", "serviceaccounts/token",
			)), "%v", rule)
			Expect(rule.APIGroups).NotTo(ContainElement("rbac.authorization.k8s.io"), "%v", rule)
			for _, resource := range rule.Resources {
				if resource == "secrets" {
					Expect(rule.Verbs).NotTo(ContainElement(BeElementOf("list", "watch", "deletecollection")), "%v", rule)
				}
			}
		}
	})
})
