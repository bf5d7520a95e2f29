// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consulagent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/consul/api"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
	"github.com/quorate/quorate/internal/engine/consul/wire"
)

// handoverTimeout bounds a handover: a transfer to each of some members that
// may not answer, and the election.
const handoverTimeout = 15 * time.Second

// drainTimeout bounds the handover of a server that ends in any case. One takes
// a third of a second.
const drainTimeout = 4 * time.Second

// forsakenAfter is how long a server knows of no leader, not even itself, until it
// is taken for one that nobody is left to take over from. A handover leaves it
// without one for a moment.
const forsakenAfter = 500 * time.Millisecond

// Drain moves the leadership off this server, if it leads and anyone else can,
// and returns when another leads. It leaves the membership as it is.
func (l *local) Drain(ctx context.Context) error {
	client, err := l.client()
	if err != nil {
		return err
	}
	leader, err := client.Status().LeaderWithQueryOptions(wire.Query(ctx))
	if err != nil || leader != l.advertised() {
		return nil //nolint:nilerr // a server that does not answer leads nothing
	}
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	watch := make(chan struct{})
	go func() {
		defer close(watch)
		awaitForsaken(ctx, client)
		cancel()
	}()
	err = l.handOver(ctx, client, nil)
	cancel()
	<-watch
	if err != nil {
		return fmt.Errorf("draining %s: %w", l.config.Member, err)
	}
	return nil
}

// awaitForsaken returns when nobody is left to take over, or ctx ends. Where all
// members are ended at once this one has to go as well, and soon: the longer it
// talks to servers that are gone, the longer it takes to stop.
func awaitForsaken(ctx context.Context, client *api.Client) {
	last := time.Now()
	_ = wait.PollUntilContextCancel(ctx, 50*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		if leader, err := client.Status().LeaderWithQueryOptions(wire.Query(ctx)); err != nil || leader != "" {
			last = time.Now()
		}
		return time.Since(last) >= forsakenAfter, nil
	})
}

// stepDown is a planned handover, to one of the preferred if that can be.
func (l *local) stepDown(ctx context.Context, s engine.Step) error {
	if s.Params[consul.ParamPassOn] != "" {
		return l.inherit(ctx)
	}
	client, _, err := l.asLeader(ctx, s)
	if errors.Is(err, wire.ErrStale) {
		return nil // it does not lead any more
	}
	if err != nil {
		return err
	}
	return l.handOver(ctx, client, strings.Split(s.Params[consul.ParamPrefer], ","))
}

// handOver asks one voter after the other to take over, the likeliest first,
// until another leads. A server alone has nobody to hand over to.
func (l *local) handOver(ctx context.Context, client *api.Client, prefer []string) error {
	ctx, cancel := context.WithTimeout(ctx, handoverTimeout)
	defer cancel()
	raft, err := client.Operator().RaftGetConfiguration(wire.Query(ctx))
	if err != nil {
		return fmt.Errorf("reading the raft configuration: %w", err)
	}
	health, err := client.Operator().AutopilotServerHealth(wire.Query(ctx))
	if err != nil {
		return fmt.Errorf("reading the health of the members: %w", err)
	}
	var failed error
	for _, peer := range successors(raft, health, prefer) {
		_, err := client.Operator().RaftLeaderTransfer(peer.ID, wire.Query(ctx))
		if err == nil {
			err = l.awaitOther(ctx, client)
		}
		if err == nil {
			return nil
		}
		failed = errors.Join(failed, fmt.Errorf("handing the leadership over to %s: %w", peer.Name, err))
	}
	return failed
}

// successors are the voters that may lead next: the healthy before the others,
// the preferred before the rest, and then those with most of the log.
func successors(raft *api.RaftConfiguration, health *api.OperatorHealthReply, prefer []string) []engine.Peer {
	index := map[string]uint64{}
	for _, h := range health.Servers {
		index[h.ID] = h.LastIndex
	}
	peers := slices.DeleteFunc(wire.Peers(raft, health), func(p engine.Peer) bool { return p.Leader || !p.Voter })
	rank := func(p engine.Peer) int {
		switch preferred := slices.Contains(prefer, p.Name); {
		case p.Healthy && preferred:
			return 0
		case p.Healthy:
			return 1
		default:
			return 2
		}
	}
	slices.SortFunc(peers, func(a, b engine.Peer) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(index[b.ID], index[a.ID]), cmp.Compare(a.Name, b.Name))
	})
	return peers
}

// awaitOther returns when this server knows another leader than itself.
func (l *local) awaitOther(ctx context.Context, client *api.Client) error {
	own := l.advertised()
	err := wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, handoverTimeout/3, true, func(ctx context.Context) (bool, error) {
		leader, err := client.Status().LeaderWithQueryOptions(wire.Query(ctx))
		if err != nil {
			return false, fmt.Errorf("reading the leader: %w", err)
		}
		return leader != "" && leader != own, nil
	})
	if err != nil {
		return fmt.Errorf("waiting for another leader: %w", err)
	}
	return nil
}
