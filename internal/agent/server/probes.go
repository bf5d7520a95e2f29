// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"

	"github.com/quorate/quorate/internal/agent/protocol"
)

// Probes answers the kubelet until ctx ends: whether the server may start, and
// whether it is ready. Each tells why not, in a sentence; nothing is changed by
// asking.
func Probes(ctx context.Context, l net.Listener, started, ready func() (bool, string), log *slog.Logger) error {
	mux := http.NewServeMux()
	mux.Handle("GET "+protocol.StartPath, probe(started))
	mux.Handle("GET "+protocol.ReadyPath, probe(ready))
	srv := newServer(mux, log)
	srv.ReadTimeout = headerTime
	srv.WriteTimeout = headerTime
	return serve(ctx, srv, func() error { return srv.Serve(limit(l, maxConnections)) })
}

func probe(ask func() (bool, string)) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		ok, why := ask()
		if !ok {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = io.WriteString(w, why)
	}
}
