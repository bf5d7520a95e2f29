// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
)

// The Secrets of a set have no owners yet; see KeepOwners. They are not
// immutable, since a rotation adds the new value beside the old.

// AuthoritySecret holds the certificate authority of the set. It is never
// mounted.
func AuthoritySecret(d *v1alpha1.Datastore, clusterID string, data map[string][]byte) *corev1.Secret {
	return credentials(d, AuthoritySecretName(d.Name), clusterID, data)
}

// ManagerSecret holds the manager's key pair and the credentials that members
// do not have. It is never mounted.
func ManagerSecret(d *v1alpha1.Datastore, clusterID string, data map[string][]byte) *corev1.Secret {
	return credentials(d, ManagerSecretName(d.Name), clusterID, data)
}

// MemberSecret holds the members' key pair and the credentials that they need
// from the start. It is mounted in init and agent.
func MemberSecret(d *v1alpha1.Datastore, clusterID string, data map[string][]byte) *corev1.Secret {
	return credentials(d, MemberSecretName(d.Name), clusterID, data)
}

// AccountSecret tells clients how to log in as an account that the operator keeps,
// with its password. It is not mounted anywhere by the operator.
func AccountSecret(d *v1alpha1.Datastore, account, clusterID string, c engine.Connection) *corev1.Secret {
	s := credentials(d, AccountSecretName(d.Name, account), clusterID, binding(c))
	s.Type = corev1.SecretType(bindingType + c.Type)
	return s
}

func credentials(d *v1alpha1.Datastore, name, clusterID string, data map[string][]byte) *corev1.Secret {
	return &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: lastingMeta(d, name, ComponentCredentials, clusterID),
		Type:       corev1.SecretTypeOpaque,
		Data:       data,
	}
}
