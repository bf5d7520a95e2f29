// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/quorate/quorate/hack/bench/quorum"
)

// What a change of Consul's configuration changes.
const setting, settingValue = "log_level", "WARN"

// beginTime is for how long is waited until an operation has begun.
const beginTime = 60 * time.Second

func rollout(ctx context.Context, st *stage) error { return st.subject.rollout(ctx, st) }

func upgrade(ctx context.Context, st *stage) error {
	return st.subject.upgrade(ctx, st, st.engine.newer)
}

func configure(ctx context.Context, st *stage) error {
	return st.subject.configure(ctx, st, setting, settingValue)
}

func scaleTo(size int32) func(context.Context, *stage) error {
	return func(ctx context.Context, st *stage) error { return st.subject.scale(ctx, st, size) }
}

// shrinkAndDelete scales down, and deletes another pod in the middle.
func shrinkAndDelete(ctx context.Context, st *stage) error {
	if err := shrink.begin(ctx, st); err != nil {
		return err
	}
	m, err := st.follower(3)
	if err != nil {
		return err
	}
	return st.remove(ctx, &corev1.Pod{}, m.Name)
}

// operation is a planned change that something else happens in the middle of.
type operation struct {
	start func(context.Context, *stage) error
	// under tells that it is under way, with something done and something left.
	under func(before, now quorum.Sample) bool
}

var (
	roll = operation{rollout, func(before, now quorum.Sample) bool { return renewed(before, now) > 0 }}
	grow = operation{scaleTo(5), func(before, now quorum.Sample) bool { return len(now.Members) > len(before.Members) }}
	// growByOne is the same where one more takes long enough.
	growByOne = operation{scaleTo(4), grow.under}
	// shrink is under way when a pod is, or is about to be, gone.
	shrink = operation{scaleTo(3), func(before, now quorum.Sample) bool {
		return len(now.Members) < len(before.Members) || now.Peers != nil && len(now.Peers) < len(before.Peers) ||
			slices.ContainsFunc(now.Members, func(m quorum.Member) bool { return m.Leaving })
	}}
)

// begin starts an operation and returns in the middle of it.
func (o operation) begin(ctx context.Context, st *stage) error {
	if err := o.start(ctx, st); err != nil {
		return err
	}
	return st.await(ctx, "the operation to be under way", st.engine.within(beginTime), func(s quorum.Sample) bool { return o.under(st.before, s) })
}

// annotated waits for every pod to carry what a rollout adds.
func annotated(_, now quorum.Sample) string {
	for _, m := range now.Members {
		if m.Annotations[rolloutAnnotation] == "" {
			return m.Name + " is not rolled out"
		}
	}
	return ""
}

// upgraded waits for every server to run the new release.
func (e *engine) upgraded(_, now quorum.Sample) string {
	for _, h := range now.Health {
		if h.Version == "" || !strings.HasPrefix(h.Version, e.newer) {
			return fmt.Sprintf("%s runs %s", h.Name, h.Version)
		}
	}
	return ""
}

// configured waits for every server's process to have the new setting.
func configured(ctx context.Context, st *stage) string {
	servers, ok := st.poller.Prober.(*quorum.Consul)
	if !ok {
		return "nobody knows the servers' settings"
	}
	for name, value := range servers.LogLevels(ctx, st.poller.Book.Members()) {
		if value != settingValue {
			return fmt.Sprintf("%s has %s %s", name, setting, value)
		}
	}
	return ""
}
