// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/hack/bench/ground"
)

const (
	// outageTime is for how long the API server is away, frozenTime for how long
	// the operator's leader is frozen.
	outageTime, frozenTime = 2 * time.Minute, 60 * time.Second
	// lease is the name of the one that the operator's leader holds.
	lease = "quorate.dev"
	// managerContainer is the operator's.
	managerContainer = "manager"
)

// stopAPI takes the API server away and brings it back. The time counts from
// then.
func stopAPI(ctx context.Context, st *stage) error {
	if err := st.machines.APIServerDown(ctx); err != nil {
		return err
	}
	if err := rest(ctx, outageTime); err != nil {
		return err
	}
	st.from()
	return st.machines.APIServerUp(ctx)
}

func startAPI(ctx context.Context, st *stage) error { return st.machines.APIServerUp(ctx) }

// operatorBack waits until the operator's leader is heard of again, and says how
// long that took.
func operatorBack(ctx context.Context, st *stage) (string, error) {
	if !st.subject.operated() {
		return "", nil
	}
	since := st.since()
	err := ground.Poll(ctx, "the operator to lead again", ground.Patience, func(ctx context.Context) bool {
		_, renewed, err := st.lease(ctx)
		return err == nil && renewed.After(since)
	})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("the operator leads again after %.0f s", time.Since(since).Seconds()), nil
}

// lease returns who leads the operators, and when that was last heard of.
func (st *stage) lease(ctx context.Context) (holder string, renewed time.Time, err error) {
	var l coordinationv1.Lease
	if err := st.K8s.Get(ctx, client.ObjectKey{Namespace: ground.OperatorNamespace, Name: lease}, &l); err != nil {
		return "", time.Time{}, fmt.Errorf("get the operator's lease: %w", err)
	}
	if l.Spec.HolderIdentity == nil || l.Spec.RenewTime == nil || *l.Spec.HolderIdentity == "" {
		return "", time.Time{}, errors.New("no operator leads")
	}
	return *l.Spec.HolderIdentity, l.Spec.RenewTime.Time, nil
}

// operatorPod is the one of the operator that leads.
func (st *stage) operatorPod(ctx context.Context) (*corev1.Pod, error) {
	holder, _, err := st.lease(ctx)
	if err != nil {
		return nil, err
	}
	name, _, _ := strings.Cut(holder, "_")
	var pod corev1.Pod
	if err := st.K8s.Get(ctx, client.ObjectKey{Namespace: ground.OperatorNamespace, Name: name}, &pod); err != nil {
		return nil, fmt.Errorf("get the operator's pod: %w", err)
	}
	return &pod, nil
}

// signalOperator sends a signal to the operator that leads, or that led when its
// container was looked up.
func (st *stage) signalOperator(pod *corev1.Pod, s unix.Signal) error {
	for _, c := range pod.Status.ContainerStatuses {
		if _, id, ok := strings.Cut(c.ContainerID, "://"); ok && c.Name == managerContainer {
			st.say("%s for the operator's %s", unix.SignalName(s), pod.Name)
			if err := st.machines.Signal(pod.Spec.NodeName, id, s); err != nil {
				return fmt.Errorf("signal the operator: %w", err)
			}
			return nil
		}
	}
	return fmt.Errorf("the operator's pod %s has no container", pod.Name)
}

// killOperator kills the operator in the middle of an operation.
func killOperator(in operation) func(context.Context, *stage) error {
	return func(ctx context.Context, st *stage) error {
		pod, err := st.operatorPod(ctx)
		if err != nil {
			return err
		}
		if err := in.begin(ctx, st); err != nil {
			return err
		}
		return st.signalOperator(pod, unix.SIGKILL)
	}
}

// freezeOperator freezes the operator's leader in the middle of a rollout, long
// enough for another to take over, and lets it go on.
func freezeOperator(ctx context.Context, st *stage) error {
	pod, err := st.operatorPod(ctx)
	if err != nil {
		return err
	}
	if err := roll.begin(ctx, st); err != nil {
		return err
	}
	if err := st.signalOperator(pod, unix.SIGSTOP); err != nil {
		return err
	}
	err = rest(ctx, frozenTime)
	// Also where the benchmark ends: a frozen process would be in the way.
	if goOn := st.signalOperator(pod, unix.SIGCONT); err == nil {
		err = goOn
	}
	return err
}

// twoOperators has another operator stand by.
func twoOperators(ctx context.Context, st *stage) error { return st.scaleOperator(ctx, 2) }

func (st *stage) scaleOperator(ctx context.Context, replicas int32) error {
	key := client.ObjectKey{Namespace: ground.OperatorNamespace, Name: ground.Operator}
	var d appsv1.Deployment
	if err := st.K8s.Get(ctx, key, &d); err != nil {
		return fmt.Errorf("get the operator: %w", err)
	}
	d.Spec.Replicas = &replicas
	if err := st.K8s.Update(ctx, &d); err != nil {
		return fmt.Errorf("scale the operator: %w", err)
	}
	return ground.Poll(ctx, "the operators to be ready", ground.Patience, func(ctx context.Context) bool {
		return st.K8s.Get(ctx, key, &d) == nil && d.Status.ObservedGeneration == d.Generation &&
			d.Status.Replicas == replicas && d.Status.ReadyReplicas == replicas
	})
}

// freshOperator replaces an operator that was killed, so that the next time its
// container is started again at once.
func freshOperator(ctx context.Context, st *stage) error { return st.RestartOperator(ctx) }

// oneOperator is what the operator is like in all other scenarios.
func oneOperator(ctx context.Context, st *stage) error {
	if err := st.scaleOperator(ctx, 1); err != nil {
		return err
	}
	return st.RestartOperator(ctx)
}
