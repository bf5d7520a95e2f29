// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import "k8s.io/utils/ptr"

// DefaultConsulDatacenter is the datacenter of Consul servers where the user
// names none. It must never change: it would rename the datacenter of those
// who rely on it.
const DefaultConsulDatacenter = "dc1"

// ConsulSpec is what only the engine Consul has.
type ConsulSpec struct {
	// datacenter is the name of the Consul datacenter. It is part of every
	// service name and cannot be changed afterwards.
	// +kubebuilder:validation:XValidation:rule="!format.dns1123Label().validate(self).hasValue()",message="datacenter must be a DNS label: lower-case letters, digits and dashes, such as dc1"
	// +kubebuilder:default=dc1
	// +kubebuilder:validation:MaxLength=63
	// +optional
	Datacenter string `json:"datacenter,omitempty"`

	// ui is the web interface of Consul.
	// +optional
	UI ConsulUI `json:"ui,omitempty,omitzero"`
}

// ConsulUI is the web interface of Consul.
//
// +kubebuilder:validation:XValidation:rule="!has(self.ingress) || self.enabled",fieldPath=".ingress",message="ingress needs the interface: set ui.enabled to true or remove ingress"
type ConsulUI struct {
	// enabled serves the web interface on the client Service.
	// +kubebuilder:default=true
	// +optional
	Enabled *bool `json:"enabled,omitempty"`

	// ingress makes the web interface reachable from outside of the cluster.
	// If it is absent, there is no Ingress.
	// +optional
	Ingress *Ingress `json:"ingress,omitempty"`
}

// Ingress describes an Ingress that the operator creates.
type Ingress struct {
	// host is the name under which the Ingress answers, such as
	// consul.example.com.
	// +kubebuilder:validation:XValidation:rule="!format.dns1123Subdomain().validate(self.startsWith('*.') ? self.substring(2) : self).hasValue()",message="host must be a DNS name, such as consul.example.com"
	// +kubebuilder:validation:MaxLength=253
	// +required
	Host string `json:"host"`

	// path is the path prefix under which the Ingress answers.
	// +kubebuilder:validation:XValidation:rule="self.startsWith('/') && !self.contains('//') && !self.matches('/[.][.]?(/|$)') && !self.lowerAscii().contains('%2f')",message="path must start with a slash and hold no doubled slash, . or .., such as /"
	// +kubebuilder:default=/
	// +kubebuilder:validation:MaxLength=512
	// +optional
	Path string `json:"path,omitempty"`

	// className is the IngressClass. If it is absent, the default class of the
	// cluster is used.
	// +kubebuilder:validation:XValidation:rule="!format.dns1123Subdomain().validate(self).hasValue()",message="className must be the name of an IngressClass: lower-case letters, digits, dashes and dots"
	// +kubebuilder:validation:MaxLength=253
	// +optional
	ClassName *string `json:"className,omitempty"`

	// annotations are added to the Ingress.
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.matches('^([^/]*[.])?quorate[.]dev/'))",message="annotations must not start with quorate.dev/, which the operator owns: choose another prefix"
	// +kubebuilder:validation:XValidation:rule="self.all(k, k.matches('^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$'))",message="annotations must have valid names, such as example.com/note"
	// +kubebuilder:validation:MaxProperties=32
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`

	// tlsSecretName names the Secret in the same namespace with the certificate
	// and key for host. If it is empty, the Ingress serves plain HTTP.
	// +kubebuilder:validation:XValidation:rule="self == '' || !format.dns1123Subdomain().validate(self).hasValue()",message="tlsSecretName must be the name of a Secret: lower-case letters, digits, dashes and dots"
	// +kubebuilder:validation:MaxLength=253
	// +optional
	TLSSecretName string `json:"tlsSecretName,omitempty"`
}

// ConsulSettings returns a copy of the Consul section with every default filled
// in, also where the section is absent.
//
// The section itself has no default in the schema, since a Datastore of another
// engine must not grow one; so an absent section means these values, for good.
func (d *Datastore) ConsulSettings() ConsulSpec {
	var settings ConsulSpec
	if d.Spec.Consul != nil {
		settings = *d.Spec.Consul.DeepCopy()
	}

	if settings.Datacenter == "" {
		settings.Datacenter = DefaultConsulDatacenter
	}

	if settings.UI.Enabled == nil {
		settings.UI.Enabled = ptr.To(true)
	}

	if ingress := settings.UI.Ingress; ingress != nil && ingress.Path == "" {
		ingress.Path = "/"
	}

	return settings
}
