// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	agentclient "github.com/quorate/quorate/internal/agent/client"
	"github.com/quorate/quorate/internal/agent/protocol"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/fleet"
	"github.com/quorate/quorate/internal/plan"
)

// replace deletes the pods that the decision names, each by its UID and as it
// was seen, so that neither one that was made in the meantime is touched nor
// one whose server has started since.
func (p *pass) replace(ctx context.Context) error {
	for _, ref := range p.findings.decision.Replace {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: p.d.Namespace, Name: ref.Name}}
		seen := client.Preconditions{UID: ptr.To(types.UID(ref.UID))}
		if s := p.snapshot.pods[ref.Name]; s != nil {
			seen.ResourceVersion = ptr.To(s.ResourceVersion)
		}
		how := []client.DeleteOption{seen}
		if ref.Force {
			how = append(how, client.GracePeriodSeconds(0))
		}
		err := p.Delete(ctx, pod, how...)
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("replace pod %s: %w", ref.Name, err)
		}
		p.begun = append(p.begun, p.findings.actionOn(engine.StepReplacePod, ref.Name, ref.UID, whyReplaced(p.findings.decision.Ledger, p.snapshot.pods[ref.Name])))
		pointPodDeleted.Reach()
	}
	return nil
}

// whyReplaced says why a pod is replaced, where the plan says nothing of it. In an
// adoption those of ours are too that cannot get on.
func whyReplaced(l *plan.Ledger, pod *corev1.Pod) string {
	switch {
	case l.Adoption != nil && pod != nil && agentContainer(pod) == nil:
		return "it was made by hand"
	case l.Recovery != nil:
		return "the set is being recovered"
	default:
		return "it cannot get on as it is"
	}
}

// ask sends what the decision asks of the agents. That an agent accepted is
// not that it was done: the next reports tell.
func (p *pass) ask(ctx context.Context) error {
	if err := p.inCharge(ctx); err != nil {
		return err
	}
	for _, a := range p.findings.decision.Asks {
		if err := p.fleet.Act(ctx, p.key, a.PodUID, p.request(a)); err != nil {
			if err := p.notTaken(a, err); err != nil {
				return err
			}
			continue
		}
		p.begun = append(p.begun, p.findings.actionOf(a))
		pointAsked.Reach()
	}
	return nil
}

// notTaken decides on what an agent did not take up. Nil is for what is planned
// anew in the next pass and nobody's fault: the pod has gone, the agent is busy,
// or its server is another, or further, than the one that was planned for.
//
// Only an older epoch is a sign of another manager. Any other refusal, one of a
// later build's among them, is an error and tried again ever more slowly.
func (p *pass) notTaken(a plan.Ask, err error) error {
	var gone *fleet.NotFollowedError
	if errors.As(err, &gone) {
		return nil
	}
	var refused *agentclient.RefusedError
	if errors.As(err, &refused) {
		switch refused.Reason {
		case protocol.RefusedBusy:
			return nil
		case protocol.RefusedMoved:
			p.findings.moved = append(p.findings.moved, complaint{a.Member + " did not begin " + string(a.Kind()), refused.Message})
			return nil
		case protocol.RefusedStale:
			p.doubt(p.d.UID)
		}
	}
	return fmt.Errorf("ask %s for %s: %w", a.Member, a.Kind(), err)
}

// inCharge looks whether the ledger is still as this pass left it, where there
// is anything to ask. An agent refuses only epochs older than one that it has
// seen itself, and a successor need not have asked it for anything: so a
// manager that was frozen in the middle of a pass must find out here.
func (p *pass) inCharge(ctx context.Context) error {
	if len(p.findings.decision.Asks) == 0 {
		return nil
	}
	now, err := readLedger(ctx, p.Live, p.d)
	if err != nil {
		return err
	}
	if now.object == nil || now.object.ResourceVersion != p.ledger.object.ResourceVersion {
		return errOutdated
	}
	return nil
}

// request puts an ask on the wire, with the credentials that its step names.
func (p *pass) request(a plan.Ask) protocol.ActionRequest {
	l := p.ledger.ledger
	req := protocol.ActionRequest{
		ID: actionID(a), Epoch: l.Epoch, PodUID: a.PodUID, ClusterID: l.ClusterID, Grant: a.Grant,
	}
	if a.Step != nil {
		step := *a.Step
		values := p.secrets.values(p.kit.Engine.Traits().Credentials)
		step.Credentials = map[string]string{}
		for _, key := range step.Secrets {
			step.Credentials[key] = string(values[key])
			// While a password is rotated, which of the two the server takes is for who
			// logs in to find out.
			if next := engine.NextKey(key); len(values[next]) > 0 {
				step.Credentials[next] = string(values[next])
			}
		}
		p.adopted.attach(&step)
		if p.keeping != nil {
			for name, password := range p.keeping.passwords {
				if key := engine.AccountKey(name); slices.Contains(step.Secrets, key) {
					step.Credentials[key] = password
				}
			}
		}
		req.Step = &step
	}
	return req
}

// actionID names an action by what it does, so that asking twice is asking
// once. The term is part of it: the same step under another leader is another.
// Agents bound its length, so what has none of its own goes into a hash.
func actionID(a plan.Ask) string {
	if a.Grant != nil {
		return fmt.Sprintf("Grant/%s/%s", a.Grant.Kind, a.PodUID)
	}
	s := a.Step
	sum := fnv.New64a()
	keys := make([]string, 0, len(s.Params))
	for k := range s.Params {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	_, _ = fmt.Fprintf(sum, "%q,%d,", s.SubjectID, s.Term) // a hash does not fail
	for _, k := range keys {
		_, _ = fmt.Fprintf(sum, "%q=%q,", k, s.Params[k])
	}
	if s.Leave != engine.LeaveForGood {
		_, _ = fmt.Fprintf(sum, "%q", s.Leave)
	}
	if s.Accounts != nil {
		_, _ = fmt.Fprintf(sum, "%q", s.Accounts.Revision)
	}
	if s.Key != nil {
		_, _ = fmt.Fprintf(sum, "%q", *s.Key)
	}
	return fmt.Sprintf("%s/%s/%016x/%s", s.Kind, s.About(), sum.Sum64(), a.PodUID)
}

// agentAddress is where the agent in a pod serves.
func agentAddress(pod *corev1.Pod) string {
	return net.JoinHostPort(pod.Status.PodIP, strconv.Itoa(protocol.Port))
}

// agentRun names the run of the agent's container that the kubelet last told
// of; empty where none runs.
func agentRun(pod *corev1.Pod) string {
	if c := agentRunning(pod); c != nil {
		return c.ContainerID
	}
	return ""
}
