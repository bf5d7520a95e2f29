// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/hack/bench/manifests"
)

// byHandCassandra is the tutorial's ring, looked after by a person with kubectl and
// nodetool.
type byHandCassandra struct{}

func (byHandCassandra) key() string       { return "tutorial" }
func (byHandCassandra) title() string     { return "tutorial" }
func (byHandCassandra) level() string     { return "privileged" }
func (byHandCassandra) operated() bool    { return false }
func (byHandCassandra) service() string   { return manifests.NameCassandra }
func (byHandCassandra) container() string { return "cassandra" }

func (byHandCassandra) claim(member string) string { return "cassandra-data-" + member }

// token is empty: there is no access control.
func (byHandCassandra) token(context.Context, *stage) (string, error) { return "", nil }

func (byHandCassandra) unsettled(context.Context, *stage) string { return "" }

func (byHandCassandra) objects(scheme *runtime.Scheme, s setup) ([]client.Object, error) {
	return handmade(scheme, manifests.TutorialCassandra(), s, "cassandra:")
}

func (byHandCassandra) rollout(ctx context.Context, st *stage) error {
	return handSet(manifests.NameCassandra).rollout(ctx, st)
}

// scale has members leave before their pods go, the last one first. Who is new joins by
// starting.
func (b byHandCassandra) scale(ctx context.Context, st *stage, size int32) error {
	for i := len(st.before.Members) - 1; i >= int(size); i-- {
		pod := st.engine.member(i)
		if err := st.Kubectl(ctx, "-n", st.namespace, "exec", pod, "-c", b.container(), "--", "nodetool", "decommission"); err != nil {
			return fmt.Errorf("have %s leave: %w", pod, err)
		}
	}
	return handSet(manifests.NameCassandra).change(ctx, st, object{"replicas": size})
}

// grow changes nothing: no scenario of Cassandra needs it.
func (byHandCassandra) grow(context.Context, *stage, string) error { return errNotOfCassandra }

// errNotOfCassandra is of what no scenario of Cassandra does.
var errNotOfCassandra = errors.New("this is not measured of Cassandra")

func (byHandCassandra) upgrade(context.Context, *stage, string) error { return errNotOfCassandra }

func (byHandCassandra) configure(context.Context, *stage, string, any) error {
	return errNotOfCassandra
}
