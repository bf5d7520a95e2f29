// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quorate/quorate/internal/engine"
)

// Connection is the Secret that tells clients how to reach the set, in the
// words of the Service Binding specification. It names the client Service,
// which needs no operator to work. Keys without a value are left out.
func (b Builder) Connection(credentials map[string][]byte) *corev1.Secret {
	c := b.connection(credentials)
	return stamped(&corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: b.meta(ConnectionName(b.d.Name), ComponentConnection),
		Type:       corev1.SecretType(bindingType + c.Type),
		Data:       binding(c),
	})
}

// Binding is what a client needs that logs in as an account which the operator
// keeps. The engine is one that has accounts.
func (b Builder) Binding(a engine.Account, password string) engine.Connection {
	keeper, ok := b.in.Engine.(engine.AccountKeeper)
	if !ok {
		return engine.Connection{}
	}
	return keeper.AccountConnection(b.d, b.host(ClientName(b.d.Name)), a, password)
}

// bindingType begins the type of a Secret that tells clients how to log in.
const bindingType = "servicebinding.io/"

// binding are the keys of such a Secret; those without a value are left out.
func binding(c engine.Connection) map[string][]byte {
	data := map[string][]byte{}
	put := func(key, value string) {
		if value != "" {
			data[key] = []byte(value)
		}
	}
	for key, value := range c.Extra {
		put(key, value)
	}
	put("type", c.Type)
	put("host", c.Host)
	put("port", c.Port)
	put("username", c.Username)
	put("password", c.Password)
	put("uri", c.URI)
	return data
}

// connection asks the engine, or says what follows from its ports alone.
func (b Builder) connection(credentials map[string][]byte) engine.Connection {
	host := b.host(ClientName(b.d.Name))
	if connector, ok := b.in.Engine.(engine.Connector); ok {
		return connector.Connection(b.d, host, credentials)
	}
	c := engine.Connection{Type: strings.ToLower(string(b.d.Spec.Engine)), Host: host}
	for _, p := range b.template.Ports {
		if p.Client {
			c.Port = strconv.Itoa(int(p.Number))
			break
		}
	}
	return c
}
