// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/quorate/quorate/internal/engine"
)

// Services returns all Services of the Datastore: of all members, for clients
// and, where the engine has stable addresses, one of each member.
func (b Builder) Services() []*corev1.Service {
	out := []*corev1.Service{b.HeadlessService(), b.ClientService()}
	if !b.traits.StableAddress {
		return out
	}
	for i := range max(b.in.Members, b.in.Replicas) {
		out = append(out, b.MemberService(i))
	}
	return out
}

// HeadlessService gives the members their names in DNS, also before they are
// ready: they must find each other to become so.
func (b Builder) HeadlessService() *corev1.Service {
	s := b.service(HeadlessName(b.d.Name), ComponentServer, func(engine.Port) bool { return true })
	s.Spec.ClusterIP = corev1.ClusterIPNone
	s.Spec.PublishNotReadyAddresses = true
	return stamped(s)
}

// ClientService leads clients to the members that are ready.
func (b Builder) ClientService() *corev1.Service {
	return stamped(b.service(ClientName(b.d.Name), ComponentClient, func(p engine.Port) bool { return p.Client }))
}

// MemberService gives one member an address that outlives its pods. Its name is
// the member's, so an Ingress or a client could use it; it carries the ports of
// peers only, since clients are led to whoever is ready. A pod that ends is taken from
// it before its network goes, see ReachableLabel.
func (b Builder) MemberService(number int32) *corev1.Service {
	name := b.layout.Member(number)
	s := b.service(name, ComponentServer, func(p engine.Port) bool { return p.Peer })
	s.Spec.Selector = merged(s.Spec.Selector, map[string]string{"statefulset.kubernetes.io/pod-name": name, ReachableLabel: FieldOwner})
	s.Spec.PublishNotReadyAddresses = true
	s.Spec.InternalTrafficPolicy = ptr.To(corev1.ServiceInternalTrafficPolicyCluster)
	return stamped(s)
}

// service renders one with the ports that a test admits. Target ports are
// numbers: a name would be looked up in pods that may be older than it.
func (b Builder) service(name, component string, admit func(engine.Port) bool) *corev1.Service {
	s := &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: b.meta(name, component),
		Spec: corev1.ServiceSpec{
			Type:     corev1.ServiceTypeClusterIP,
			Selector: SelectorLabels(b.d.Name),
		},
	}
	for _, p := range b.template.Ports {
		if !admit(p) {
			continue
		}
		s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{
			Name:       p.Name,
			Port:       p.Number,
			Protocol:   protocolOf(p),
			TargetPort: intstr.FromInt32(p.Number),
		})
	}
	return s
}

func protocolOf(p engine.Port) corev1.Protocol {
	if p.Protocol == "" {
		return corev1.ProtocolTCP
	}
	return p.Protocol
}
