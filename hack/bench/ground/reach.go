// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package ground

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"k8s.io/client-go/rest"

	"github.com/quorate/quorate/hack/target"
)

// callTime bounds one call to a server: one that is just starting must not hold
// up the next.
const callTime = time.Second

// Reach says how servers are called from here: at their own addresses on the
// local cluster, by way of the API server elsewhere.
type Reach struct {
	http *http.Client
	// base is the API server's URL; empty where addresses are reached.
	base string
}

func newReach(kind target.Kind, config *rest.Config) (Reach, error) {
	if kind == target.Local {
		return Direct(), nil
	}
	c, err := rest.HTTPClientFor(config)
	if err != nil {
		return Reach{}, fmt.Errorf("make a client of the API server: %w", err)
	}
	c.Timeout = callTime
	return Reach{http: c, base: strings.TrimSuffix(config.Host, "/")}, nil
}

// Direct calls servers at their own addresses. The environment's proxy is not
// for what is on this machine.
func Direct() Reach {
	return Reach{http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}, Timeout: callTime}}
}

// IsDirect tells that servers are called at their own addresses, by connections
// that nobody stands in between of.
func (r Reach) IsDirect() bool { return r.base == "" }

// Within is the same with another bound on one call.
func (r Reach) Within(most time.Duration) Reach {
	r.http = &http.Client{Transport: r.http.Transport, Timeout: most}
	return r
}

// Apart is the same with connections of its own: pooled ones, or a new one for
// every call. Where the API server is in between it chooses the connections,
// and this changes nothing.
func (r Reach) Apart(pooled bool) Reach {
	if !r.IsDirect() {
		return r
	}
	const most = 32 // calls of one client under way at the same time
	r.http = &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: most, DisableKeepAlives: !pooled},
		Timeout:   r.http.Timeout,
	}
	return r
}

// Close gives up the connections that are not in use.
func (r Reach) Close() { r.http.CloseIdleConnections() }

// Pod is the base URL of Consul in a pod.
func (r Reach) Pod(namespace, name, address string) string {
	if r.IsDirect() {
		return "http://" + net.JoinHostPort(address, "8500")
	}
	return fmt.Sprintf("%s/api/v1/namespaces/%s/pods/%s:8500/proxy", r.base, namespace, name)
}

// Service is the base URL of Consul behind a Service.
func (r Reach) Service(namespace, name, address string) string {
	if r.IsDirect() {
		return "http://" + net.JoinHostPort(address, "8500")
	}
	return fmt.Sprintf("%s/api/v1/namespaces/%s/services/%s:http/proxy", r.base, namespace, name)
}

// Call returns the body of a 200, and nothing for any other answer or none.
func (r Reach) Call(ctx context.Context, method, url, token, body string) (string, bool) {
	status, text, err := r.Ask(ctx, method, url, token, body)
	return text, err == nil && status == http.StatusOK
}

// Ask returns the status and the body of an answer.
func (r Reach) Ask(ctx context.Context, method, url, token, body string) (int, string, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return 0, "", fmt.Errorf("call %s: %w", url, err)
	}
	if token != "" {
		request.Header.Set("X-Consul-Token", token)
	}
	response, err := r.http.Do(request)
	if err != nil {
		return 0, "", fmt.Errorf("call a server: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, "", fmt.Errorf("read the answer of %s: %w", url, err)
	}
	return response.StatusCode, string(text), nil
}
