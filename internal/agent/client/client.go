// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package client is how the manager calls agents.
package client

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/quorate/quorate/internal/agent/protocol"
)

const (
	dialTime      = 5 * time.Second
	handshakeTime = 5 * time.Second
	// callTime is how long an answer may take beside the wait that was asked
	// for. An agent looks at its server before it answers, see protocol.LookTime.
	callTime = 10 * time.Second
	// idleTime is longer than between two calls of a manager at rest.
	idleTime = 90 * time.Second

	maxHeaderBytes  = 16 << 10
	maxRefusalBytes = 8 << 10
)

// Dialer connects to host:port. A development manager outside the cluster
// brings one of its own.
type Dialer func(ctx context.Context, network, address string) (net.Conn, error)

// Client calls the agents of one datastore. It keeps connections, and is safe
// for use from any goroutine.
type Client struct {
	http http.Client
}

// New returns a client with the identity of one datastore's manager; see
// Identity. A nil dialer connects directly.
func New(dial Dialer, identity *tls.Config) *Client {
	if dial == nil {
		dial = (&net.Dialer{Timeout: dialTime}).DialContext
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &Client{http: http.Client{
		Transport: &http.Transport{
			DialContext:            dial,
			TLSClientConfig:        identity,
			TLSHandshakeTimeout:    handshakeTime,
			IdleConnTimeout:        idleTime,
			MaxIdleConnsPerHost:    2,
			MaxResponseHeaderBytes: maxHeaderBytes,
			Protocols:              &protocols,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Close drops the connections that no call is using.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Report returns what the agent at host:port says: with an empty since after a
// look at the server, at once if its revision is not since, else when it changes or the wait is over, which is cut to whole
// seconds and to protocol.MaxWaitSeconds. The reply is untrusted: who reports
// must be compared with what the API server says of the pod.
func (c *Client) Report(ctx context.Context, address, since string, wait time.Duration) (protocol.ReportReply, error) {
	wait = min(wait.Truncate(time.Second), protocol.MaxWaitSeconds*time.Second)
	query := url.Values{protocol.WaitParam: {strconv.Itoa(int(wait / time.Second))}}
	if since != "" {
		query.Set(protocol.SinceParam, since)
	}
	ctx, cancel := context.WithTimeout(ctx, wait+callTime)
	defer cancel()
	var reply protocol.ReportReply
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target(address, protocol.ReportPath, query), nil)
	if err != nil {
		return reply, fmt.Errorf("ask the agent at %s for its report: %w", address, err)
	}
	text, err := c.call(request, protocol.MaxReportBytes)
	if err != nil {
		return reply, fmt.Errorf("ask the agent at %s for its report: %w", address, err)
	}
	if err := json.Unmarshal(text, &reply); err != nil {
		return protocol.ReportReply{}, fmt.Errorf("read the report of the agent at %s: %w", address, err)
	}
	return reply, nil
}

// Act asks the agent at host:port to begin or resume an action. What comes of
// it is in the report. A refusal is a *RefusedError.
func (c *Client) Act(ctx context.Context, address string, action protocol.ActionRequest) error {
	body, err := encode(action)
	if err != nil {
		return fmt.Errorf("encode the action %s for the agent at %s: %w", action.ID, address, err)
	}
	if len(body) > protocol.MaxActionBytes {
		return fmt.Errorf("the action %s for the agent at %s has %d bytes and may have %d",
			action.ID, address, len(body), protocol.MaxActionBytes)
	}
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target(address, protocol.ActionPath, nil), bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("ask the agent at %s for the action %s: %w", address, action.ID, err)
	}
	request.Header.Set("Content-Type", "application/json")
	// An action may be sent again on a new connection where a kept one proves
	// to be dead: its ID makes it the same one. The header says so to net/http.
	request.Header.Set("Idempotency-Key", action.ID)
	if _, err := c.call(request, maxRefusalBytes); err != nil {
		return fmt.Errorf("ask the agent at %s for the action %s: %w", address, action.ID, err)
	}
	return nil
}

// encode writes an action with the characters of files as they are: escapes for
// browsers would make them up to six times as long.
func encode(action protocol.ActionRequest) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(action)
	return out.Bytes(), err
}

func target(address, path string, query url.Values) string {
	u := url.URL{Scheme: "https", Host: address, Path: path, RawQuery: query.Encode()}
	return u.String()
}

// call returns the body of a 2xx answer of at most limit bytes.
func (c *Client) call(request *http.Request, limit int64) ([]byte, error) {
	response, err := c.http.Do(request)
	if err != nil {
		// The address is named by the caller already.
		var wrapped *url.Error
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode/100 != 2 {
		return nil, refusal(response)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	if int64(len(text)) > limit {
		return nil, fmt.Errorf("the answer has more than %d bytes", limit)
	}
	return text, nil
}
