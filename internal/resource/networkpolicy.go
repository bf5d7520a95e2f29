// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/quorate/quorate/internal/agent/protocol"
	"github.com/quorate/quorate/internal/engine"
)

const dnsPort = 53

// NetworkPolicy lets through what the members need, so that they work in a
// namespace where all else is denied:
//
//   - in: peers from the members of this Datastore, clients from anywhere, the
//     agent from the operator's namespace alone, the probes from anywhere,
//     since a kubelet calls from an address of its node;
//   - out: DNS, and the members of this Datastore.
//
// Traffic to a stable address is judged after its destination was rewritten to
// the pod's, with the source still a pod's, by the implementations we know of;
// so pods are selected. Policies add up: who needs more, such as a server that
// calls another system, adds one of their own. What clients may send out is
// theirs to say.
func (b Builder) NetworkPolicy() *networkingv1.NetworkPolicy {
	members := networkingv1.NetworkPolicyPeer{PodSelector: &metav1.LabelSelector{MatchLabels: SelectorLabels(b.d.Name)}}
	operator := networkingv1.NetworkPolicyPeer{NamespaceSelector: &metav1.LabelSelector{
		MatchLabels: map[string]string{corev1.LabelMetadataName: b.in.OperatorNamespace},
	}}
	peer := b.policyPorts(func(p engine.Port) bool { return p.Peer })
	client := b.policyPorts(func(p engine.Port) bool { return p.Client })
	among := b.policyPorts(func(p engine.Port) bool { return p.Peer || p.Client })

	policy := &networkingv1.NetworkPolicy{
		TypeMeta:   metav1.TypeMeta{APIVersion: networkingv1.SchemeGroupVersion.String(), Kind: "NetworkPolicy"},
		ObjectMeta: b.meta(NetworkPolicyName(b.d.Name), ComponentServer),
		Spec: networkingv1.NetworkPolicySpec{
			PodSelector: metav1.LabelSelector{MatchLabels: SelectorLabels(b.d.Name)},
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress},
			Egress: []networkingv1.NetworkPolicyEgressRule{{
				Ports: []networkingv1.NetworkPolicyPort{policyPort(corev1.ProtocolUDP, dnsPort), policyPort(corev1.ProtocolTCP, dnsPort)},
			}},
		},
	}
	in := func(ports []networkingv1.NetworkPolicyPort, from ...networkingv1.NetworkPolicyPeer) {
		// A rule without ports would admit all of them.
		if len(ports) > 0 {
			policy.Spec.Ingress = append(policy.Spec.Ingress, networkingv1.NetworkPolicyIngressRule{Ports: ports, From: from})
		}
	}
	in(peer, members)
	in(client)
	in([]networkingv1.NetworkPolicyPort{policyPort(corev1.ProtocolTCP, protocol.Port)}, operator)
	in([]networkingv1.NetworkPolicyPort{policyPort(corev1.ProtocolTCP, protocol.ProbePort)})
	if len(among) > 0 {
		policy.Spec.Egress = append(policy.Spec.Egress, networkingv1.NetworkPolicyEgressRule{
			Ports: among, To: []networkingv1.NetworkPolicyPeer{members},
		})
	}
	return stamped(policy)
}

func (b Builder) policyPorts(admit func(engine.Port) bool) []networkingv1.NetworkPolicyPort {
	var out []networkingv1.NetworkPolicyPort
	for _, p := range b.template.Ports {
		if admit(p) {
			out = append(out, policyPort(protocolOf(p), p.Number))
		}
	}
	return out
}

func policyPort(protocol corev1.Protocol, number int32) networkingv1.NetworkPolicyPort {
	return networkingv1.NetworkPolicyPort{Protocol: &protocol, Port: ptr.To(intstr.FromInt32(number))}
}
