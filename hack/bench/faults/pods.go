// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/hack/bench/ground"
	"github.com/quorate/quorate/hack/bench/quorum"
)

func deleteLeader(ctx context.Context, st *stage) error {
	m, err := st.leader()
	if err != nil {
		return err
	}
	return st.remove(ctx, &corev1.Pod{}, m.Name)
}

func deleteFollower(ctx context.Context, st *stage) error {
	m, err := st.follower(len(st.before.Members))
	if err != nil {
		return err
	}
	return st.remove(ctx, &corev1.Pod{}, m.Name)
}

func deleteAll(ctx context.Context, st *stage) error {
	if err := st.K8s.DeleteAllOf(ctx, &corev1.Pod{}, client.InNamespace(st.namespace)); err != nil {
		return fmt.Errorf("delete all pods: %w", err)
	}
	return nil
}

func killLeader(_ context.Context, st *stage) error {
	m, err := st.leader()
	if err != nil {
		return err
	}
	if err := st.machines.Signal(m.Node, m.Container, unix.SIGKILL); err != nil {
		return fmt.Errorf("kill the leader: %w", err)
	}
	return nil
}

// loseClaim deletes pod and claim of the first member. The claim goes when its
// pod is gone.
func loseClaim(ctx context.Context, st *stage) error {
	first := st.engine.member(0)
	if err := st.remove(ctx, &corev1.PersistentVolumeClaim{}, st.subject.claim(first)); err != nil {
		return err
	}
	return st.remove(ctx, &corev1.Pod{}, first)
}

// followFirst has the first member follow, so that losing it means the same for
// every subject.
func followFirst(ctx context.Context, st *stage) error {
	lead, err := st.leader()
	first := st.engine.member(0)
	if err != nil || lead.Name != first {
		return err
	}
	last := st.poller.Last()
	if err := st.engine.handOver(ctx, st, lead, last.IDs[st.engine.member(len(last.Members)-1)]); err != nil {
		return err
	}
	return st.await(ctx, "another leader", ground.Patience, func(s quorum.Sample) bool {
		m, ok := s.Leader()
		return ok && m.Name != first && s.Lacks(len(last.Members)) == ""
	})
}

// renewed counts the members whose pods run and are others than before.
func renewed(before, now quorum.Sample) int {
	n := 0
	for _, m := range now.Members {
		if old, there := before.Member(m.Name); there && old.UID != m.UID && m.Running && !m.Leaving {
			n++
		}
	}
	return n
}

// podsRenewed waits for so many new pods, so that the set before the fault is not
// taken for the one after it.
func podsRenewed(want int) func(before, now quorum.Sample) string {
	return func(before, now quorum.Sample) string {
		if n := renewed(before, now); n < want {
			return fmt.Sprintf("%d of %d pods are new", n, want)
		}
		return ""
	}
}

// containerRenewed waits for another container in one of the pods.
func containerRenewed(before, now quorum.Sample) string {
	if slices.ContainsFunc(now.Members, func(m quorum.Member) bool {
		old, there := before.Member(m.Name)
		return there && m.Running && old.Container != m.Container
	}) {
		return ""
	}
	return "no server was started again"
}

// firstReplaced waits for another identity of the first member.
func (e *engine) firstReplaced(before, now quorum.Sample) string {
	first := e.member(0)
	if id := now.IDs[first]; id == "" || id == before.IDs[first] {
		return first + " has no new identity"
	}
	return ""
}

// touched names the members whose server is not the process it was.
func touched(before, now quorum.Sample) []string {
	var out []string
	for _, m := range before.Members {
		if other, there := now.Member(m.Name); !there || other.UID != m.UID || other.Container != m.Container {
			out = append(out, m.Name)
		}
	}
	return out
}
