// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

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

// reach says how servers are called from here: at their own addresses on the
// local cluster, by way of the API server elsewhere.
type reach struct {
	http *http.Client
	// base is the API server's URL; empty where addresses are reached.
	base string
}

func newReach(kind target.Kind, config *rest.Config) (reach, error) {
	if kind == target.Local {
		// The environment's proxy is not for what is on this machine.
		return reach{http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}, Timeout: callTime}}, nil
	}
	c, err := rest.HTTPClientFor(config)
	if err != nil {
		return reach{}, fmt.Errorf("make a client of the API server: %w", err)
	}
	c.Timeout = callTime
	return reach{http: c, base: strings.TrimSuffix(config.Host, "/")}, nil
}

// pod is the base URL of Consul in a pod.
func (r reach) pod(namespace, name, address string) string {
	if r.base == "" {
		return "http://" + net.JoinHostPort(address, "8500")
	}
	return fmt.Sprintf("%s/api/v1/namespaces/%s/pods/%s:8500/proxy", r.base, namespace, name)
}

// service is the base URL of Consul behind a Service.
func (r reach) service(namespace, name, address string) string {
	if r.base == "" {
		return "http://" + net.JoinHostPort(address, "8500")
	}
	return fmt.Sprintf("%s/api/v1/namespaces/%s/services/%s:http/proxy", r.base, namespace, name)
}

// call returns the body of a 200, and nothing for any other answer or none.
func (r reach) call(ctx context.Context, method, url, token, body string) (string, bool) {
	request, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return "", false
	}
	if token != "" {
		request.Header.Set("X-Consul-Token", token)
	}
	response, err := r.http.Do(request)
	if err != nil {
		return "", false
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return string(text), err == nil && response.StatusCode == http.StatusOK
}
