// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/quorate/quorate/internal/agent/protocol"
)

const (
	// probeHold is for how long a no may be held back. It must leave the rest
	// of the kubelet's own timeout, 3 s, for a busy node.
	probeHold = 1500 * time.Millisecond
	// probeTime is how long a caller may take to send its question, and then to
	// take the answer beside the time that it is held back. The kubelet does it
	// at once, and in a connection of its own each time.
	probeTime = 2 * time.Second
	// swiftNos are the nos after a yes that are given at once: as many as the
	// kubelet asks for before it believes them, so that a member which ceases
	// to serve is taken off no later.
	swiftNos = 2
)

// Question is what a probe asks, with the reason in a sentence.
type Question func() (yes bool, why string)

// Probes answers the kubelet until ctx ends: whether the server may start, and
// whether it is ready. Each tells why not, in a sentence; nothing is changed by
// asking.
//
// The kubelet asks once a second and goes on only with the answer. So a no is
// held back for a moment, to become a yes should the answer change meanwhile:
// changed returns a channel that is closed when it may have.
//
// Anybody may call, so a connection is for one question and does not stand for
// longer than that takes.
func Probes(ctx context.Context, l net.Listener, changed func() <-chan struct{}, started, ready Question, log *slog.Logger) error {
	mux := http.NewServeMux()
	mux.Handle("GET "+protocol.StartPath, &probe{life: ctx, ask: started, changed: changed})
	mux.Handle("GET "+protocol.ReadyPath, &probe{life: ctx, ask: ready, changed: changed})
	srv := newServer(mux, log)
	srv.ReadHeaderTimeout = probeTime
	srv.ReadTimeout = probeTime
	srv.WriteTimeout = probeHold + probeTime
	srv.SetKeepAlivesEnabled(false)
	c := newCrowd(l, maxConnections)
	srv.ConnState = c.note
	return serve(ctx, srv, func() error { return srv.Serve(c) })
}

type probe struct {
	life    context.Context
	ask     Question
	changed func() <-chan struct{}
	// swift is how many of the next nos are given at once.
	swift atomic.Int32
}

// ServeHTTP answers with 200 or 503.
func (p *probe) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ok, why := p.answer(r.Context())
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if !ok {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_, _ = io.WriteString(w, why)
}

func (p *probe) answer(ctx context.Context) (bool, string) {
	hold := time.NewTimer(probeHold)
	defer hold.Stop()
	for {
		// Before the question, so that no change falls in between.
		changed := p.changed()
		ok, why := p.ask()
		if ok {
			p.swift.Store(swiftNos)
			return true, why
		}
		if p.swift.Load() > 0 {
			p.swift.Add(-1)
			return false, why
		}
		select {
		case <-changed:
		case <-hold.C:
			return false, why
		case <-ctx.Done():
			return false, why
		case <-p.life.Done():
			return false, why
		}
	}
}
