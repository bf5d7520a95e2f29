// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package fleet

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/quorate/quorate/internal/agent/protocol"
	"github.com/quorate/quorate/internal/engine"
)

// What an agent says ends up in the ledger, in conditions and in the plan, all
// of which the API server bounds. These are far above what an honest agent of
// any engine says.
const (
	maxWord  = 256  // bytes of a name, an identity, an address or a version
	maxText  = 2048 // bytes of a complaint, or of the value of a fact
	maxPeers = 1024 // identities in a membership
	maxFacts = 128
	// maxMounts is more keys than a pod of ours mounts.
	maxMounts = 1024
)

// bounded is a client for which a report beyond all measure is no answer, so
// that nothing is known of who sends one.
type bounded struct{ Client }

// Report is the client's, if it is within bounds.
func (b bounded) Report(ctx context.Context, addr, since string, wait time.Duration) (protocol.ReportReply, error) {
	reply, err := b.Client.Report(ctx, addr, since, wait)
	if err != nil {
		return protocol.ReportReply{}, err
	}
	if why := excess(reply); why != "" {
		return protocol.ReportReply{}, fmt.Errorf("the report of the agent at %s has %s", addr, why)
	}
	return reply, nil
}

// excess says what in a reply is out of bounds; empty where nothing is.
func excess(reply protocol.ReportReply) string {
	r := reply.Report
	words := []string{
		reply.Revision, r.Member, r.PodUID, string(r.Volume), r.ClusterID, r.ClaimUID, string(r.Grant),
		r.Server.ID, r.Server.Version, r.Server.Role,
	}
	texts := []string{r.Problem}
	if a := r.Action; a != nil {
		words, texts = append(words, a.ID, string(a.Kind)), append(texts, a.Error, a.Before)
	}
	for k, v := range r.Server.Facts {
		words, texts = append(words, k), append(texts, v)
	}
	if a := r.Server.Accounts; a != nil {
		words = append(words, a.Revision)
		for k, v := range a.Refused {
			words, texts = append(words, k), append(texts, v)
		}
	}
	for k, v := range r.Mounts {
		texts = append(texts, k, v)
	}
	switch {
	case len(r.Server.Facts) > maxFacts:
		return fmt.Sprintf("%d facts", len(r.Server.Facts))
	case r.Server.Accounts != nil && len(r.Server.Accounts.Refused) > maxFacts:
		return fmt.Sprintf("%d refused accounts", len(r.Server.Accounts.Refused))
	case len(r.Mounts) > maxMounts:
		return fmt.Sprintf("%d mounts", len(r.Mounts))
	case longer(words, maxWord) || longer(texts, maxText):
		return "a text beyond all measure"
	default:
		return cmp.Or(excessView(r.Server.View), excessView(r.Server.Seen))
	}
}

func excessView(v *engine.View) string {
	if v == nil {
		return ""
	}
	if len(v.Peers) > maxPeers {
		return fmt.Sprintf("%d peers", len(v.Peers))
	}
	for _, p := range v.Peers {
		if longer([]string{p.ID, p.Name, p.Address, p.Version}, maxWord) {
			return "a peer with a text beyond all measure"
		}
	}
	return ""
}

func longer(texts []string, most int) bool {
	for _, t := range texts {
		if len(t) > most {
			return true
		}
	}
	return false
}
