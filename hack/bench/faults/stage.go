// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/hack/bench/ground"
	"github.com/quorate/quorate/hack/bench/quorum"
	"github.com/quorate/quorate/hack/cluster"
)

// rolloutAnnotation is changed on all pods by a rollout.
const rolloutAnnotation = "example.com/restarted-at"

// stage is where one scenario is played with one subject.
type stage struct {
	*ground.Ground
	// machines can do to nodes what can happen to them; nil elsewhere than on
	// the local cluster.
	machines  *cluster.Cluster
	engine    *engine
	subject   subject
	namespace string
	poller    *quorum.Poller
	// before is the set just before the fault.
	before quorum.Sample
	// node is the one that a scenario has chosen.
	node string
	say  func(format string, args ...any)
	// begun tells that the scenario has.
	begun atomic.Bool

	mu    sync.Mutex
	clock time.Time
	// called tells that the pod is there that servers are called by way of.
	called bool
}

// from says from when the time to all voters counts: now, if it is not from
// the fault on.
func (st *stage) from() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.clock = time.Now()
}

func (st *stage) since() time.Time {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.clock
}

// leader is the member that leads, or in a ring, where nobody does, the first.
func (st *stage) leader() (quorum.Member, error) {
	last := st.poller.Last()
	if m, ok := last.Leader(); ok {
		return m, nil
	}
	if last.Replicas > 0 {
		if m, ok := last.Member(st.engine.member(0)); ok {
			return m, nil
		}
	}
	return quorum.Member{}, errors.New("nobody leads")
}

// follower is the last of the given number of members that does not lead.
func (st *stage) follower(among int) (quorum.Member, error) {
	lead, err := st.leader()
	if err != nil {
		return quorum.Member{}, err
	}
	for i := among - 1; i >= 0; i-- {
		if m, ok := st.poller.Last().Member(st.engine.member(i)); ok && m.Name != lead.Name {
			return m, nil
		}
	}
	return quorum.Member{}, errors.New("nobody follows")
}

// remove deletes an object by its name.
func (st *stage) remove(ctx context.Context, o client.Object, name string) error {
	o.SetNamespace(st.namespace)
	o.SetName(name)
	if err := st.K8s.Delete(ctx, o); err != nil {
		return fmt.Errorf("delete %T %s: %w", o, name, err)
	}
	return nil
}

// patch merges changes into an object; lists are replaced.
func (st *stage) patch(ctx context.Context, o client.Object, name string, changes object) error {
	return st.patchAs(ctx, types.MergePatchType, o, name, changes)
}

// patchAs merges changes into an object in the way asked for.
func (st *stage) patchAs(ctx context.Context, how types.PatchType, o client.Object, name string, changes object) error {
	text, err := json.Marshal(changes)
	if err != nil {
		return fmt.Errorf("encode a change of %T %s: %w", o, name, err)
	}
	o.SetNamespace(st.namespace)
	o.SetName(name)
	if err := st.K8s.Patch(ctx, o, client.RawPatch(how, text)); err != nil {
		return fmt.Errorf("change %T %s: %w", o, name, err)
	}
	return nil
}

// await waits until the set is seen in some state.
func (st *stage) await(ctx context.Context, what string, within time.Duration, is func(quorum.Sample) bool) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for !is(st.poller.Last()) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, ctx.Err())
		case <-ticker.C:
		}
	}
	return nil
}

// rest lets time go by.
func rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return fmt.Errorf("wait for %s: %w", d, ctx.Err())
	case <-timer.C:
		return nil
	}
}
