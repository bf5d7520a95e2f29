// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package fence refuses requests that are for somebody else or out of date. It
// is pure; whether the volume allows the action is not asked here.
package fence

import (
	"fmt"

	"github.com/quorate/quorate/internal/agent/protocol"
	"github.com/quorate/quorate/internal/engine"
)

// maxIDBytes bounds what a request may be called.
const maxIDBytes = 128

// Own is what an agent knows of itself.
type Own struct {
	Member, PodUID, ClusterID string
	// Epoch is the highest that was seen.
	Epoch int64
}

// Check refuses a request that makes no sense (Malformed), one for another
// pod, member or set (NotForMe), and one of a manager that was replaced
// (Stale). Nil lets it pass.
func Check(own Own, r protocol.ActionRequest) *protocol.Refusal {
	for _, check := range []func(Own, protocol.ActionRequest) *protocol.Refusal{wellFormed, forMe, current} {
		if refusal := check(own, r); refusal != nil {
			return refusal
		}
	}
	return nil
}

func wellFormed(_ Own, r protocol.ActionRequest) *protocol.Refusal {
	switch {
	case r.ID == "" || len(r.ID) > maxIDBytes:
		return refuse(protocol.RefusedMalformed, "the action's ID has %d bytes, and must have 1 to %d", len(r.ID), maxIDBytes)
	case r.Epoch < 1:
		return refuse(protocol.RefusedMalformed, "the epoch %d is not positive", r.Epoch)
	case (r.Grant == nil) == (r.Step == nil):
		return refuse(protocol.RefusedMalformed, "exactly one of grant and step must be set")
	case r.Grant != nil:
		return wellFormedGrant(*r.Grant)
	default:
		return wellFormedStep(*r.Step)
	}
}

func wellFormedGrant(g engine.Grant) *protocol.Refusal {
	switch {
	case g.Kind != engine.GrantForm && g.Kind != engine.GrantJoin && g.Kind != engine.GrantAdopt:
		return refuse(protocol.RefusedMalformed, "a grant of the unknown kind %q", g.Kind)
	case g.Kind == engine.GrantForm && g.Size < 1:
		return refuse(protocol.RefusedMalformed, "a grant to form a set of %d members", g.Size)
	case g.ClaimUID == "":
		return refuse(protocol.RefusedMalformed, "a grant for no claim")
	default:
		return nil
	}
}

func wellFormedStep(s engine.Step) *protocol.Refusal {
	if s.Kind == "" || s.Kind == engine.StepGrant {
		return refuse(protocol.RefusedMalformed, "a step cannot be of the kind %q", s.Kind)
	}
	return nil
}

func forMe(own Own, r protocol.ActionRequest) *protocol.Refusal {
	if r.PodUID != own.PodUID {
		return refuse(protocol.RefusedOther, "the request is for the pod %s, this is %s", r.PodUID, own.PodUID)
	}
	if r.ClusterID != own.ClusterID {
		return refuse(protocol.RefusedOther, "the request is for the cluster %s, this is %s", r.ClusterID, own.ClusterID)
	}
	if r.Step != nil && r.Step.Member != own.Member {
		return refuse(protocol.RefusedOther, "the step is for the member %s, this is %s", r.Step.Member, own.Member)
	}
	if r.Grant != nil && (r.Grant.PodUID != own.PodUID || r.Grant.ClusterID != own.ClusterID) {
		return refuse(protocol.RefusedOther, "the grant is for the pod %s of the cluster %s, this is %s of %s",
			r.Grant.PodUID, r.Grant.ClusterID, own.PodUID, own.ClusterID)
	}
	return nil
}

func current(own Own, r protocol.ActionRequest) *protocol.Refusal {
	if r.Epoch < own.Epoch {
		return refuse(protocol.RefusedStale, "the epoch %d is older than %d, which was seen", r.Epoch, own.Epoch)
	}
	return nil
}

func refuse(reason protocol.RefusalReason, format string, args ...any) *protocol.Refusal {
	return &protocol.Refusal{Reason: reason, Message: fmt.Sprintf(format, args...)}
}
