// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import corev1 "k8s.io/api/core/v1"

// PodSpec is the curated part of a pod that a user may adjust. A service
// account, host namespaces and paths, Secret volumes, privileges and further
// containers are left out on purpose: who may create a Datastore gains no more
// than who may create a restricted Pod.
//
// +kubebuilder:validation:XValidation:rule="!has(self.volumeMounts) || self.volumeMounts.all(m, has(self.volumes) && self.volumes.exists(v, v.name == m.name))",fieldPath=".volumeMounts",message="volumeMounts must each name one of volumes: add the volume or correct the name"
type PodSpec struct {
	// labels are added to the pods of the members.
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.matches('^([^/]*[.])?quorate[.]dev/'))",message="labels must not start with quorate.dev/, which the operator owns: choose another prefix"
	// +kubebuilder:validation:XValidation:rule="self.all(k, !(k in ['app.kubernetes.io/name', 'app.kubernetes.io/instance', 'app.kubernetes.io/managed-by', 'controller-revision-hash']) && !k.startsWith('apps.kubernetes.io/') && !k.startsWith('statefulset.kubernetes.io/'))",message="labels must not be app.kubernetes.io/name, app.kubernetes.io/instance, app.kubernetes.io/managed-by or one that a StatefulSet sets: choose another name"
	// +kubebuilder:validation:XValidation:rule=`self.all(k, k.matches('^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$') && size(self[k]) <= 63 && !self[k].matches(r'[^-.\w]') && ['-', '_', '.'].all(c, !self[k].startsWith(c) && !self[k].endsWith(c)))`,message="labels must have valid names, such as example.com/team, and values of at most 63 letters, digits, dashes, dots and underscores"
	// +kubebuilder:validation:MaxProperties=15
	// +optional
	Labels map[string]string `json:"labels,omitempty"`

	// annotations are added to the pods of the members.
	// +kubebuilder:validation:XValidation:rule="self.all(k, !k.matches('^([^/]*[.])?quorate[.]dev/'))",message="annotations must not start with quorate.dev/, which the operator owns: choose another prefix"
	// +kubebuilder:validation:XValidation:rule="self.all(k, k.matches('^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$'))",message="annotations must have valid names, such as example.com/note"
	// +kubebuilder:validation:MaxProperties=32
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`

	// nodeSelector names the labels that a node must carry to run a member.
	// +kubebuilder:validation:XValidation:rule=`self.all(k, k.matches('^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$') && size(self[k]) <= 63 && !self[k].matches(r'[^-.\w]') && ['-', '_', '.'].all(c, !self[k].startsWith(c) && !self[k].endsWith(c)))`,message="nodeSelector must hold labels that a node can have, such as topology.kubernetes.io/zone: a"
	// +kubebuilder:validation:MaxProperties=15
	// +optional
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`

	// tolerations let members run on nodes with matching taints.
	// +kubebuilder:validation:MaxItems=32
	// +listType=atomic
	// +optional
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`

	// affinity says near to or apart from what the members run. If it gives no
	// podAntiAffinity, members are kept on different nodes where that is
	// possible.
	// +optional
	Affinity *corev1.Affinity `json:"affinity,omitempty"`

	// topologySpreadConstraints spread the members over zones, nodes or other
	// domains.
	// +kubebuilder:validation:MaxItems=16
	// +listType=atomic
	// +optional
	TopologySpreadConstraints []corev1.TopologySpreadConstraint `json:"topologySpreadConstraints,omitempty"`

	// priorityClassName is the PriorityClass of the members.
	// +kubebuilder:validation:XValidation:rule="self == '' || !format.dns1123Subdomain().validate(self).hasValue()",message="priorityClassName must be the name of a PriorityClass: lower-case letters, digits, dashes and dots"
	// +kubebuilder:validation:MaxLength=253
	// +optional
	PriorityClassName string `json:"priorityClassName,omitempty"`

	// imagePullSecrets name the Secrets in the same namespace with which the
	// images are pulled.
	// +kubebuilder:validation:XValidation:rule="self.all(s, s.name != '')",message="imagePullSecrets must each have the name of a Secret in the same namespace"
	// +kubebuilder:validation:MaxItems=16
	// +listType=map
	// +listMapKey=name
	// +optional
	ImagePullSecrets []corev1.LocalObjectReference `json:"imagePullSecrets,omitempty"`

	// env are environment variables of the server container.
	// +kubebuilder:validation:MaxItems=64
	// +listType=map
	// +listMapKey=name
	// +optional
	Env []EnvVar `json:"env,omitempty"`

	// volumes are further volumes of the pod. Only kinds that reach neither the
	// node nor a Secret can be used.
	// +kubebuilder:validation:MaxItems=16
	// +listType=map
	// +listMapKey=name
	// +optional
	Volumes []Volume `json:"volumes,omitempty"`

	// volumeMounts say where the server container sees the volumes.
	// +kubebuilder:validation:MaxItems=16
	// +listType=map
	// +listMapKey=mountPath
	// +optional
	VolumeMounts []VolumeMount `json:"volumeMounts,omitempty"`
}

// EnvVar is an environment variable of the server container. It takes plain
// values only: a reference to a Secret would carry its content to a server
// whose image the user chooses.
//
// +kubebuilder:validation:XValidation:rule="self.name.matches('^[-._a-zA-Z][-._a-zA-Z0-9]*$')",fieldPath=".name",message="name of a variable must hold only letters, digits, underscores, dashes and dots, and not start with a digit"
// +kubebuilder:validation:XValidation:rule="!self.name.startsWith('QUORATE_')",fieldPath=".name",message="name of a variable must not start with QUORATE_, which the operator owns: choose another"
type EnvVar struct {
	// name of the variable.
	// +kubebuilder:validation:MaxLength=253
	// +required
	Name string `json:"name"`

	// value of the variable.
	// +kubebuilder:validation:MaxLength=32768
	// +optional
	Value string `json:"value,omitempty"`
}

// Volume is a further volume of the pod, of exactly one kind.
//
// +kubebuilder:validation:XValidation:rule="!format.dns1123Label().validate(self.name).hasValue()",fieldPath=".name",message="name of a volume must hold only lower-case letters, digits and dashes, and start and end with a letter or digit"
// +kubebuilder:validation:XValidation:rule="!self.name.startsWith('quorate-') && self.name != 'data'",fieldPath=".name",message="name of a volume must not be data or start with quorate-, which the operator owns: choose another"
// +kubebuilder:validation:XValidation:rule="[has(self.emptyDir), has(self.configMap), has(self.downwardAPI)].exists_one(x, x)",message="volume must have exactly one of emptyDir, configMap and downwardAPI"
// +kubebuilder:validation:XValidation:rule="!has(self.configMap) || size(self.configMap.name) > 0",fieldPath=".configMap",message="configMap must have the name of a ConfigMap in the same namespace"
type Volume struct {
	// name of the volume, to which volumeMounts refer.
	// +kubebuilder:validation:MaxLength=63
	// +required
	Name string `json:"name"`

	// emptyDir is a folder that lives as long as the pod.
	// +optional
	EmptyDir *corev1.EmptyDirVolumeSource `json:"emptyDir,omitempty"`

	// configMap is a folder with the content of a ConfigMap in the same
	// namespace.
	// +optional
	ConfigMap *corev1.ConfigMapVolumeSource `json:"configMap,omitempty"`

	// downwardAPI is a folder with facts about the pod itself.
	// +optional
	DownwardAPI *corev1.DownwardAPIVolumeSource `json:"downwardAPI,omitempty"`
}

// VolumeMount says where the server container sees a volume.
//
// +kubebuilder:validation:XValidation:rule="self.mountPath.matches('^(/[^/:]+)+$') && !self.mountPath.matches('/[.][.]?(/|$)')",fieldPath=".mountPath",message="mountPath must be an absolute path below the root, without colon, doubled or trailing slash, . or .., such as /etc/extra"
// +kubebuilder:validation:XValidation:rule="!self.mountPath.matches('^/+([.]/+)*((consul|quorate|etc/quorate|run/quorate)(/|$)|(etc|run|tmp)$)')",fieldPath=".mountPath",message="mountPath must not be /etc, /run or /tmp, nor in /consul, /quorate, /etc/quorate or /run/quorate, which the operator owns: choose another, such as /etc/extra"
// +kubebuilder:validation:XValidation:rule="!has(self.subPath) || !self.subPath.startsWith('/') && !self.subPath.matches('(^|/)[.][.](/|$)')",fieldPath=".subPath",message="subPath must be a relative path inside the volume, without .."
type VolumeMount struct {
	// name of the volume in volumes.
	// +kubebuilder:validation:MaxLength=63
	// +required
	Name string `json:"name"`

	// mountPath is the absolute path in the container.
	// +kubebuilder:validation:MaxLength=512
	// +required
	MountPath string `json:"mountPath"`

	// subPath is the path inside the volume to mount; the volume's root if it
	// is empty.
	// +kubebuilder:validation:MaxLength=512
	// +optional
	SubPath string `json:"subPath,omitempty"`

	// readOnly mounts the volume without the right to write.
	// +optional
	ReadOnly bool `json:"readOnly,omitempty"`
}
