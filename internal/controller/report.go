// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
)

// watchdog is how soon a Datastore on its way is looked at again should the
// event that it waits for never come. Progress does not hang on it.
const watchdog = 5 * time.Second

// raceAgain is how soon a pass that lost a race is repeated: time enough for a
// cache to show what it lost to.
const raceAgain = 200 * time.Millisecond

// report ends the pass: one status write, if there is anything to write, then
// the events that follow from it, and those about actions.
//
// A lost race for the ledger or the status is nobody's fault and no error, nor
// is a former Datastore's child that is still to be collected: the pass is
// repeated on what is left.
func (p *pass) report(ctx context.Context, cause error) (ctrl.Result, error) {
	defer p.account(cause)
	if quiet, ok := silent(cause); ok {
		return quiet, nil
	}
	raced := p.raced(cause)
	if raced {
		cause = nil
	}
	p.findings.failure, p.findings.ledger = cause, p.ledger.ledger
	next := statusOf(p.findings, p.snapshot)
	result := ctrl.Result{RequeueAfter: p.again(raced || p.renewed)}
	if sameStatus(&p.d.Status, &next) {
		p.agrees(p.d.UID)
		return p.result(result, cause)
	}
	if wait := p.mayWait(&next); wait > 0 {
		return p.result(ctrl.Result{RequeueAfter: min(wait, result.RequeueAfter)}, cause)
	}
	if p.early && cause == nil && p.findings.blocked == nil {
		// A manager that has just started would tell of silence.
		return ctrl.Result{RequeueAfter: raceAgain}, nil
	}
	before := p.d.DeepCopy()
	p.d.Status = next
	if err := p.Status().Patch(ctx, p.d, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
		if apierrors.IsConflict(err) || apierrors.IsNotFound(err) {
			return p.result(ctrl.Result{RequeueAfter: raceAgain}, cause)
		}
		return ctrl.Result{}, errors.Join(cause, fmt.Errorf("write the status of %s: %w", p.d.Name, err))
	}
	p.agrees(p.d.UID)
	pointStatusWritten.Reach()
	p.announce(&before.Status, &next)
	return p.result(result, cause)
}

// silent tells of the ends of a pass of which nothing is said: the Datastore
// is gone or goes with its namespace, is another by now, or is another
// manager's.
func silent(cause error) (ctrl.Result, bool) {
	switch {
	case errors.Is(cause, errGone), apierrors.HasStatusCause(cause, corev1.NamespaceTerminatingCause):
		return ctrl.Result{}, true
	case errors.Is(cause, errOutdated):
		return ctrl.Result{RequeueAfter: raceAgain}, true
	case errors.Is(cause, errSuperseded):
		return ctrl.Result{RequeueAfter: supersededFor}, true
	}
	return ctrl.Result{}, false
}

// raced tells whether what ended the pass passes by itself, and notes what is
// worth telling of it.
func (p *pass) raced(cause error) bool {
	var former *formerError
	if errors.As(cause, &former) {
		p.findings.waiting = former.Error()
		return true
	}
	return apierrors.IsConflict(cause) || apierrors.IsAlreadyExists(cause)
}

// result hands an error to the queue, which waits longer each time.
func (p *pass) result(r ctrl.Result, cause error) (ctrl.Result, error) {
	if cause != nil {
		return ctrl.Result{}, cause
	}
	return r, nil
}

// again is when to look again without an event.
func (p *pass) again(raced bool) time.Duration {
	switch {
	case raced:
		return raceAgain
	case reconciling(p.findings).status == metav1.ConditionTrue, stalled(p.findings).status == metav1.ConditionTrue:
		return watchdog
	case len(p.snapshot.stranded) > 0, p.keeping != nil && p.keeping.refers:
		return lookAgain
	}
	if left, burning := p.snapshot.burnsFor(); burning {
		return min(left, p.Settings.Resync)
	}
	return p.Settings.Resync
}

// mayWait returns for how long a status that tells only of detail may wait to
// be written together with what comes next, from when it first differed: what
// passes by itself, such as a peer that was slow to answer once, is never
// written. An error in other words is detail: each write wakes the controller
// again, whatever pause the queue had set.
func (p *pass) mayWait(next *v1alpha1.DatastoreStatus) time.Duration {
	if urgent(&p.d.Status, next) {
		return 0
	}
	return p.differsSince(p.d.UID, p.Now()).Add(p.Settings.StatusEvery).Sub(p.Now())
}

// announce records an event for every condition that has turned.
func (p *pass) announce(old, now *v1alpha1.DatastoreStatus) {
	for _, c := range now.Conditions {
		before := meta.FindStatusCondition(old.Conditions, c.Type)
		if kind, worth := eventType(before, c); worth {
			p.Recorder.Eventf(p.d, nil, kind, c.Reason, "Reconcile", "%s is %s: %.900s", c.Type, c.Status, c.Message) // the API server takes 1024 bytes
		}
	}
}

// eventType tells whether a change of a condition is worth an event: one that
// has become true or has ceased to be, but not that the set is on its way,
// which the other conditions tell better.
func eventType(before *metav1.Condition, c metav1.Condition) (string, bool) {
	was := before != nil && before.Status == metav1.ConditionTrue
	is := c.Status == metav1.ConditionTrue
	if c.Type == v1alpha1.ConditionReconciling || was == is {
		return "", false
	}
	good := c.Type == v1alpha1.ConditionReady || c.Type == v1alpha1.ConditionFormed
	if good == is {
		return corev1.EventTypeNormal, true
	}
	return corev1.EventTypeWarning, true
}
