// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package server is what an agent listens with: for the manager over mutual
// TLS, for the kubelet's probes over plain HTTP, and for preStop on a unix
// socket. None of them can start what the others are for.
package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/quorate/quorate/internal/agent/board"
	"github.com/quorate/quorate/internal/agent/protocol"
)

const (
	// headerTime is how long a caller may take to send a request's header, and
	// to shake hands; bodyTime is for the body of an action.
	headerTime = 5 * time.Second
	bodyTime   = 5 * time.Second
	// idleTime is how long a connection is kept without a request.
	idleTime = 2 * time.Minute
	// writeTime is how long an answer may take, the longest wait included.
	writeTime = (protocol.MaxWaitSeconds + 15) * time.Second
	// closeTime is left for answers that are under way at the end.
	closeTime = time.Second

	maxHeaderBytes = 16 << 10
)

// Accept decides on a request for an action; see action.Desk.
type Accept func(ctx context.Context, r protocol.ActionRequest) *protocol.Refusal

// Look has the board tell of the server as it is now.
type Look func(ctx context.Context)

// Serve answers the manager until ctx ends. Long polls are answered with what
// there is when it does.
func Serve(ctx context.Context, l net.Listener, id *Identity, b *board.Board, look Look, accept Accept, log *slog.Logger) error {
	mux := http.NewServeMux()
	mux.Handle("GET "+protocol.ReportPath, report(b, look))
	mux.Handle("POST "+protocol.ActionPath, act(accept))
	srv := newServer(mux, log)
	srv.WriteTimeout = writeTime
	srv.TLSConfig = id.Config()
	// Requests end with the agent.
	srv.BaseContext = func(net.Listener) context.Context { return ctx }
	c := newCrowd(l, maxConnections)
	srv.ConnState = c.note
	return serve(ctx, srv, func() error { return srv.ServeTLS(c, "", "") })
}

// newServer returns a server with the bounds that all of them have. HTTP/2 is
// left out: a manager has one long poll and now and then an action, for which
// it brings more state than it saves.
func newServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		Protocols:         onlyHTTP1(),
	}
}

func onlyHTTP1() *http.Protocols {
	var p http.Protocols
	p.SetHTTP1(true)
	return &p
}

// serve runs a server until ctx ends, then gives it a moment to finish.
func serve(ctx context.Context, srv *http.Server, run func() error) error {
	ended := make(chan error, 1)
	go func() { ended <- run() }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	shut, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
	defer cancel()
	if err := srv.Shutdown(shut); err != nil {
		_ = srv.Close()
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
