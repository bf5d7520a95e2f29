// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"time"

	"github.com/quorate/quorate/hack/bench/manifests"
	"github.com/quorate/quorate/hack/bench/quorum"
)

// scenario is something that happens to a set of servers, by fault or by plan.
type scenario struct {
	// name is short; title says it to a reader, and counts says from when the
	// time to all voters does, where that is not the fault itself.
	name, title, counts string
	// setup is what the set is like before, want its size afterwards; zero means
	// the size before.
	setup setup
	want  int
	// value is the size in bytes of what the client writes; zero for little.
	value int
	// machine tells that it needs the local cluster's machines; operator, that
	// it is one of the operator.
	machine, operator bool
	// prepare is done before the client begins.
	prepare func(context.Context, *stage) error
	// apply brings it about. Where the time does not count from the beginning,
	// it says from when.
	apply func(context.Context, *stage) error
	// over says what is still missing besides all voters, from what is seen;
	// missing, what has to be asked for.
	over    func(st *stage, now quorum.Sample) string
	missing func(context.Context, *stage) string
	// untouched tells that no server may be restarted.
	untouched bool
	// after looks at what comes back later than the servers, and says so.
	after func(context.Context, *stage) (string, error)
	// restore mends the cluster for what comes next.
	restore func(context.Context, *stage) error
	// limit is for how long is waited for all voters; zero for the usual time.
	limit time.Duration
	// target is what is asked of a Datastore.
	target goal
}

// size is that of the set afterwards.
func (sc scenario) size() int {
	if sc.want != 0 {
		return sc.want
	}
	return int(sc.setup.size)
}

const (
	// usualLimit is for how long is waited for all voters.
	usualLimit = 180 * time.Second
	// shortLimit is the same where what does not come back soon never does.
	shortLimit = 120 * time.Second
)

func (e *engine) three() setup { return setup{size: manifests.Size, version: e.newer, storage: "1Gi"} }

func (e *engine) five() setup {
	s := e.three()
	s.size = 5
	return s
}

func (e *engine) withOldVersion() setup {
	s := e.three()
	s.version = e.older
	return s
}

func (e *engine) withLostReplaced() setup {
	s := e.three()
	s.replaceLost = true
	return s
}

// than compares with what was before the fault.
func than(f func(before, now quorum.Sample) string) func(*stage, quorum.Sample) string {
	return func(st *stage, now quorum.Sample) string { return f(st.before, now) }
}

// losses are of pods, claims and nodes.
func (e *engine) losses() []scenario {
	return []scenario{
		{
			name: "leader-deleted", title: "leader's pod deleted", setup: e.three(),
			apply: deleteLeader, over: than(podsRenewed(1)), target: goal{gap: 500 * time.Millisecond, back: 8 * time.Second},
		},
		{
			name: "leader-killed", title: "leader killed by SIGKILL", setup: e.three(), machine: true,
			apply: killLeader, over: than(containerRenewed), target: goal{gap: 3 * time.Second, back: 8 * time.Second},
		},
		{
			name: "follower-deleted", title: "follower's pod deleted", setup: e.three(),
			apply: deleteFollower, over: than(podsRenewed(1)), target: goal{gap: 200 * time.Millisecond, back: 5 * time.Second},
		},
		{
			name: "all-deleted", title: "all pods deleted", setup: e.three(),
			apply: deleteAll, over: than(podsRenewed(3)),
		},
		{
			name: "claim-deleted", title: "pod and claim of " + e.member(0) + " deleted, a follower", setup: e.three(),
			prepare: followFirst, apply: loseClaim, over: than(e.replaced), target: goal{back: 25 * time.Second},
		},
		{
			name: "node-partitioned", title: "leader's node cut off for 60 s", counts: "the healing", setup: e.three(), machine: true,
			prepare: chooseNode, apply: partition, restore: healNode, target: goal{back: 2 * time.Second},
		},
		{
			name: "node-tainted", title: "leader's node lost, and tainted out-of-service", counts: "the taint",
			setup: e.withLostReplaced(), machine: true, limit: shortLimit,
			prepare: chooseNode, apply: loseNode(taintNode), over: elsewhere, restore: bringNode, target: goal{back: 60 * time.Second},
		},
		{
			name: "node-deleted", title: "leader's node lost, and its Node deleted", counts: "the deletion",
			setup: e.withLostReplaced(), machine: true, limit: shortLimit,
			prepare: chooseNode, apply: loseNode(deleteNode), over: elsewhere, restore: bringNode, target: goal{back: 60 * time.Second},
		},
	}
}

// planned is asked of everything that somebody wants done.
var planned = goal{gap: 500 * time.Millisecond, oneAway: true}

// changes are planned.
func (e *engine) changes() []scenario {
	return []scenario{
		{name: "rollout", title: "rollout of a changed template", setup: e.three(), apply: rollout, over: than(annotated), target: planned},
		{
			name: "upgrade", title: "upgrade " + e.older + " → " + e.newer, setup: e.withOldVersion(),
			apply: upgrade, over: than(e.upgraded), target: planned,
		},
		{name: "3-to-5", title: "3 → 5", setup: e.three(), want: 5, apply: scaleTo(5), target: planned},
		{name: "5-to-3", title: "5 → 3", setup: e.five(), want: 3, apply: scaleTo(3), target: planned},
		{
			name: "5-to-3-deleted", title: "5 → 3, another pod deleted in the middle", setup: e.five(), want: 3,
			apply: shrinkAndDelete, over: than(podsRenewed(1)),
		},
		{
			name: "5-to-1", title: "5 → 1", setup: e.five(), want: 1, limit: shortLimit,
			apply: scaleTo(1), target: goal{gap: 500 * time.Millisecond, oneAway: true, quorum: true},
		},
	}
}

// shortOutages are those that need no other size, with what is asked of planned work.
func (e *engine) shortOutages(planned goal) []scenario {
	return []scenario{
		{
			name: "apiserver-stopped", title: "API server stopped for 2 minutes", counts: "its start", setup: e.three(), machine: true,
			apply: stopAPI, untouched: true, after: operatorBack, restore: startAPI,
		},
		{
			name: "operator-killed-rollout", title: "operator killed in the middle of a rollout", setup: e.three(), machine: true, operator: true,
			apply: killOperator(roll), over: than(annotated), restore: freshOperator, target: planned,
		},
	}
}

// outages are of those who look after the servers.
func (e *engine) outages() []scenario {
	return append(e.shortOutages(planned), []scenario{
		{
			name: "operator-killed-3-to-5", title: "operator killed in the middle of 3 → 5", setup: e.three(), want: 5, machine: true, operator: true,
			apply: killOperator(grow), restore: freshOperator, target: planned,
		},
		{
			name: "operator-killed-5-to-3", title: "operator killed in the middle of 5 → 3", setup: e.five(), want: 3, machine: true, operator: true,
			apply: killOperator(shrink), restore: freshOperator, target: planned,
		},
		{
			name: "operator-frozen", title: "operator's leader frozen for 60 s in the middle of a rollout, another standing by",
			setup: e.three(), machine: true, operator: true,
			prepare: twoOperators, apply: freezeOperator, over: than(annotated), restore: oneOperator, target: planned,
		},
	}...)
}
