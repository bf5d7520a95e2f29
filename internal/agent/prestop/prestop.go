// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package prestop has the agent hand over what the pod's server leads, before
// the kubelet ends the server.
package prestop

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/quorate/quorate/internal/agent/protocol"
)

// maxMessageBytes of the agent's answer are read.
const maxMessageBytes = 4 << 10

// Drain asks the agent at a unix socket and returns when the server has handed
// over, or ctx ends.
func Drain(ctx context.Context, socket string) error {
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
		DisableKeepAlives: true,
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://agent"+protocol.DrainPath, nil)
	if err != nil {
		return fmt.Errorf("ask the agent to drain the server: %w", err)
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return fmt.Errorf("ask the agent to drain the server: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode/100 == 2 {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxMessageBytes))
	if err != nil {
		return fmt.Errorf("read why the server was not drained: %w", err)
	}
	return fmt.Errorf("the server was not drained: %s", strings.TrimSpace(string(text)))
}
