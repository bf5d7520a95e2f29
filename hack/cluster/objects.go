// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
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

// createObjects creates the cluster's own objects that are missing: what nodes and CoreDNS may see, the service by which
// pods find it outside of the cluster's nodes, and the storage classes.
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
	objects := append(dnsObjects(c.Network()), nodesRole())
	for _, object := range append(objects, storage.Objects()...) {
		what := fmt.Sprintf("%T %s to be created", object, object.GetName())
		if err := c.await(ctx, what, func(ctx context.Context) error {
			return ensureObject(ctx, api, object)
		}, process); err != nil {
			return err
		}
	}
	return nil
}

// ensureObject creates an object if there is none of its name.
func ensureObject(ctx context.Context, api client.Client, object client.Object) error {
	wanted, ok := object.DeepCopyObject().(client.Object)
	if !ok {
		return fmt.Errorf("%T is not an object of the API", object)
	}
	err := api.Get(ctx, client.ObjectKeyFromObject(object), wanted)
	if !apierrors.IsNotFound(err) {
		return err //nolint:wrapcheck // await says what it waited for.
	}
	err = api.Create(ctx, object)
	if service, ok := object.(*corev1.Service); ok && apierrors.IsInvalid(err) {
		return errors.Join(err, releaseAddress(ctx, api, service))
	}
	return err //nolint:wrapcheck // await says what it waited for.
}

// releaseAddress gives back the address of a service that does not exist. A busy API server can reserve the address and
// then fail to make the service; it would give the address back by itself, after some minutes.
func releaseAddress(ctx context.Context, api client.Client, service *corev1.Service) error {
	var address networkingv1.IPAddress
	if err := api.Get(ctx, client.ObjectKey{Name: service.Spec.ClusterIP}, &address); err != nil {
		return client.IgnoreNotFound(err) //nolint:wrapcheck // await says what it waited for.
	}
	parent := address.Spec.ParentRef
	if parent == nil || parent.Resource != "services" || parent.Namespace != service.Namespace || parent.Name != service.Name {
		return fmt.Errorf("the address %s is taken by another", address.Name)
	}
	return client.IgnoreNotFound(api.Delete(ctx, &address)) //nolint:wrapcheck // await says what it waited for.
}

// nodesRole gives nodes by role what the Node authorizer gives them by relation, for all objects. That authorizer comes
// to know of a pod's place by a watch of its own, and on a busy machine later than the kubelet does, who is then refused
// the pod's claim and tries again only after 10 to 15 s. Nodes of one machine need no secrets from each other.
func nodesRole() client.Object {
	return &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "quorate:nodes"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "system:node"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: "system:nodes"}},
	}
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
