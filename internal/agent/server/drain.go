// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"

	"github.com/quorate/quorate/internal/agent/protocol"
)

// Socket listens on a unix socket at path, in place of what a process before
// this one left there. Every process of the pod may connect: the server's
// container runs preStop under its own user.
func Socket(path string) (net.Listener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("remove the old socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen for preStop: %w", err)
	}
	if err := os.Chmod(path, 0o666); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("open the socket to the pod: %w", err)
	}
	return l, nil
}

// Drains answers preStop until ctx ends. The answer comes when the server has
// handed over what it leads; how long that may take is for the caller to say,
// who hangs up.
func Drains(ctx context.Context, l net.Listener, drain func(context.Context) error, log *slog.Logger) error {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+protocol.DrainPath, func(w http.ResponseWriter, r *http.Request) {
		if err := drain(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	srv := newServer(mux, log)
	c := newCrowd(l, maxConnections)
	srv.ConnState = c.note
	return serve(ctx, srv, func() error { return srv.Serve(c) })
}
