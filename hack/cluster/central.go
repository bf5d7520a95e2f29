// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/quorate/quorate/hack/cluster/pki"
	"github.com/quorate/quorate/hack/cluster/settings"
)

// noProxy keeps the environment's proxy away from what is on this machine.
func noProxy(*http.Request) (*url.URL, error) { return nil, nil }

// prepareControlPlane makes keys, kubeconfigs and settings and the control group of the control plane.
func (c *Cluster) prepareControlPlane() error {
	store := pki.Store{Dir: c.Paths().PKI()}
	if err := store.Ensure(c.Cluster, time.Now()); err != nil {
		return fmt.Errorf("making keys and certificates: %w", err)
	}
	files, err := settings.ControlPlane(c.Cluster)
	if err != nil {
		return err
	}
	kubeconfigs, err := settings.Kubeconfigs(c.Cluster, store)
	if err != nil {
		return err
	}
	if err := writeFiles(append(files, kubeconfigs...)); err != nil {
		return err
	}
	return c.groups.Create(c.ControlPlaneCgroup())
}

// startAPI starts etcd and the API server and returns when that is ready.
func (c *Cluster) startAPI(ctx context.Context) error {
	store, started, err := c.ensureProcess(c.centralSpec(etcd, settings.EtcdArguments(c.Cluster)...))
	if err != nil {
		return err
	}
	ready := func(ctx context.Context) error { return httpReady(ctx, settings.EtcdReadyURL(c.Cluster)) }
	if err := c.await(ctx, "etcd", ready, store); err != nil {
		return err
	}
	if started {
		c.say("etcd is ready")
	}
	return c.startAPIServer(ctx)
}

func (c *Cluster) startAPIServer(ctx context.Context) error {
	process, started, err := c.ensureProcess(c.centralSpec(apiServer, settings.APIServerArguments(c.Cluster)...))
	if err != nil {
		return err
	}
	ready := func(ctx context.Context) error { return httpReady(ctx, settings.APIServerURL(c.Cluster)+"/readyz") }
	if err := c.await(ctx, "the API server", ready, process); err != nil {
		return err
	}
	if started {
		c.say("the API server is ready at %s", settings.APIServerURL(c.Cluster))
	}
	return nil
}

// startControllers starts what does the control plane's work, without waiting for any of it.
func (c *Cluster) startControllers() error {
	for name, arguments := range map[string][]string{
		controllerManager: settings.ControllerManagerArguments(c.Cluster),
		scheduler:         settings.SchedulerArguments(c.Cluster),
		kubeProxy:         {"--config=" + c.Paths().Etc("kube-proxy.yaml")},
		coreDNS:           {"-conf=" + c.Paths().Etc("Corefile")},
	} {
		if _, _, err := c.ensureProcess(c.centralSpec(name, arguments...)); err != nil {
			return err
		}
	}
	return nil
}

// probe asks whether a server is ready. Who it is makes no difference to that, so its certificate is not looked at.
var probe = http.Client{
	Timeout: 2 * time.Second,
	Transport: &http.Transport{
		Proxy:             noProxy,
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // see above.
	},
}

func httpReady(ctx context.Context, address string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return fmt.Errorf("making a request to %s: %w", address, err)
	}
	response, err := probe.Do(request)
	if err != nil {
		return fmt.Errorf("asking whether it is ready: %w", err)
	}
	defer func() { _ = response.Body.Close() }() // it was only read.
	if response.StatusCode == http.StatusOK {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, 4096))
	if err != nil {
		return fmt.Errorf("reading why it is not ready: %w", err)
	}
	return fmt.Errorf("%s answers %s: %s", address, response.Status, text)
}
