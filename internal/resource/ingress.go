// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/quorate/quorate/internal/engine"
)

// Ingress publishes the server's web interface through the client Service. It
// is nil where the engine has none, or the specification does not ask for it.
func (b Builder) Ingress() *networkingv1.Ingress {
	ui, ok := b.in.Engine.(engine.WebUI)
	if !ok {
		return nil
	}
	want := ui.UIIngress(b.d)
	if want == nil {
		return nil
	}
	out := b.bareIngress()
	out.ObjectMeta = b.meta(out.Name, ComponentUI)
	if len(want.Annotations) > 0 {
		out.Annotations = merged(want.Annotations, nil)
	}
	out.Spec = networkingv1.IngressSpec{
		IngressClassName: want.ClassName,
		Rules: []networkingv1.IngressRule{{
			Host: want.Host,
			IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{
				Paths: []networkingv1.HTTPIngressPath{{
					Path:     want.Path,
					PathType: ptr.To(networkingv1.PathTypePrefix),
					Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{
						Name: ClientName(b.d.Name),
						Port: networkingv1.ServiceBackendPort{Name: ui.UIPort()},
					}},
				}},
			}},
		}},
	}
	if want.TLSSecretName != "" {
		out.Spec.TLS = []networkingv1.IngressTLS{{Hosts: []string{want.Host}, SecretName: want.TLSSecretName}}
	}
	return stamped(out)
}

// bareIngress is the Ingress by kind and name only.
func (b Builder) bareIngress() *networkingv1.Ingress {
	return &networkingv1.Ingress{
		TypeMeta:   metav1.TypeMeta{APIVersion: networkingv1.SchemeGroupVersion.String(), Kind: "Ingress"},
		ObjectMeta: metav1.ObjectMeta{Name: IngressName(b.d.Name), Namespace: b.d.Namespace},
	}
}
