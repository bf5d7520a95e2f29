// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// setup is what a set of servers begins with.
type setup struct {
	size    int32
	version string
	// storage is the size of each volume, class its StorageClass; empty for the
	// cluster's default.
	storage, class string
	// config is added to the servers' settings, env to their environment.
	config map[string]any
	env    map[string]string
	// replaceLost has members of lost nodes replaced unasked, where somebody is
	// there to do it.
	replaceLost bool
}

// subject is a set of servers and those who look after it: what is done
// to it is what a person would do who wants the same.
type subject interface {
	// key is short; title says it to a reader.
	key() string
	title() string
	// level is the Pod Security level of its namespace.
	level() string
	// operated tells that the operator looks after it.
	operated() bool
	// objects are what is created.
	objects(scheme *runtime.Scheme, s setup) ([]client.Object, error)
	// service is the name of the one that clients use.
	service() string
	// container is the name of the server's; claim that of a member's.
	container() string
	claim(member string) string
	// token is what clients need besides the Service; the empty one where there is no
	// access control. Of MongoDB it is the address of the set.
	token(ctx context.Context, st *stage) (string, error)
	// unsettled says what is missing until it can be used, besides voters.
	unsettled(ctx context.Context, st *stage) string

	rollout(ctx context.Context, st *stage) error
	upgrade(ctx context.Context, st *stage, version string) error
	configure(ctx context.Context, st *stage, key string, value any) error
	scale(ctx context.Context, st *stage, size int32) error
	grow(ctx context.Context, st *stage, size string) error
}

// former is a subject whose set a person has to form once its pods run.
type former interface {
	// form does it, or finds it done.
	form(ctx context.Context, st *stage) error
}

// decode reads all objects of a manifest.
func decode(scheme *runtime.Scheme, manifest string) ([]client.Object, error) {
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	var out []client.Object
	for _, text := range strings.Split(manifest, "\n---\n") {
		o, _, err := decoder.Decode([]byte(text), nil, nil)
		if err != nil {
			return nil, fmt.Errorf("read the manifest: %w", err)
		}
		it, ok := o.(client.Object)
		if !ok {
			return nil, fmt.Errorf("read the manifest: %T cannot be created", o)
		}
		out = append(out, it)
	}
	return out, nil
}

// object is one level of a change.
type object = map[string]any

// merged lays over on base and returns a new object.
func merged(base, over object) object {
	out := object{}
	for key, value := range base {
		out[key] = value
	}
	for key, value := range over {
		out[key] = value
	}
	return out
}
