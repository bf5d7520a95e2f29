// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/hack/cluster/layout"
	"github.com/quorate/quorate/hack/cluster/pki"
	"github.com/quorate/quorate/hack/cluster/storage"
)

const (
	dnsName = "kube-dns"
	dnsPort = 53
)

// createObjects creates the cluster's own objects that are missing: what CoreDNS may see, the service by which pods
// find it outside of the cluster's nodes, and the storage classes.
func (c *Cluster) createObjects(ctx context.Context) error {
	config, err := c.RESTConfig()
	if err != nil {
		return err
	}
	api, err := client.New(config, client.Options{})
	if err != nil {
		return fmt.Errorf("connecting to cluster %s: %w", c.Name, err)
	}
	process, err := c.book().Find(apiServer)
	if err != nil {
		return fmt.Errorf("finding the API server: %w", err)
	}
	for _, object := range append(dnsObjects(c.Network()), storage.Objects()...) {
		what := fmt.Sprintf("%T %s to be created", object, object.GetName())
		if err := c.await(ctx, what, func(ctx context.Context) error {
			return ensureObject(ctx, api, object)
		}, process); err != nil {
			return err
		}
	}
	return nil
}

// ensureObject creates an object if there is none of its name. An attempt on a new API server can fail half-way, with the
// address of a service taken and no service made; the API server gives it back, and the next attempt succeeds.
func ensureObject(ctx context.Context, api client.Client, object client.Object) error {
	present, ok := object.DeepCopyObject().(client.Object)
	if !ok {
		return fmt.Errorf("%T is not an object of the API", object)
	}
	err := api.Get(ctx, client.ObjectKeyFromObject(object), present)
	if !apierrors.IsNotFound(err) {
		return err //nolint:wrapcheck // await says what it waited for.
	}
	fresh, ok := object.DeepCopyObject().(client.Object)
	if !ok {
		return fmt.Errorf("%T is not an object of the API", object)
	}
	return api.Create(ctx, fresh) //nolint:wrapcheck // await says what it waited for.
}

func dnsObjects(plan layout.Network) []client.Object {
	system := metav1.ObjectMeta{Namespace: metav1.NamespaceSystem, Name: dnsName}
	system.Labels = map[string]string{"k8s-app": dnsName, "kubernetes.io/name": "CoreDNS"}
	user := metav1.ObjectMeta{Name: pki.CoreDNSUser}
	slice := *system.DeepCopy()
	slice.Labels[discoveryv1.LabelServiceName] = dnsName
	slice.Labels[discoveryv1.LabelManagedBy] = "quorate.dev"
	return []client.Object{
		&rbacv1.ClusterRole{ObjectMeta: user, Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{""}, Resources: []string{"services", "pods", "namespaces"}, Verbs: []string{"list", "watch"}},
			{APIGroups: []string{discoveryv1.GroupName}, Resources: []string{"endpointslices"}, Verbs: []string{"list", "watch"}},
		}},
		&rbacv1.ClusterRoleBinding{
			ObjectMeta: user,
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: pki.CoreDNSUser},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: pki.CoreDNSUser}},
		},
		&corev1.Service{ObjectMeta: system, Spec: corev1.ServiceSpec{
			ClusterIP: plan.DNSService.String(),
			Ports: []corev1.ServicePort{
				{Name: "dns", Port: dnsPort, Protocol: corev1.ProtocolUDP},
				{Name: "dns-tcp", Port: dnsPort, Protocol: corev1.ProtocolTCP},
			},
		}},
		&discoveryv1.EndpointSlice{
			ObjectMeta:  slice,
			AddressType: discoveryv1.AddressTypeIPv4,
			Endpoints: []discoveryv1.Endpoint{{
				Addresses:  []string{plan.ControlPlane.String()},
				Conditions: discoveryv1.EndpointConditions{Ready: ptr.To(true)},
			}},
			Ports: []discoveryv1.EndpointPort{
				{Name: ptr.To("dns"), Port: ptr.To[int32](dnsPort), Protocol: ptr.To(corev1.ProtocolUDP)},
				{Name: ptr.To("dns-tcp"), Port: ptr.To[int32](dnsPort), Protocol: ptr.To(corev1.ProtocolTCP)},
			},
		},
	}
}
