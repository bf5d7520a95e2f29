// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/hack/bench/ground"
	"github.com/quorate/quorate/hack/bench/manifests"
)

// The moments that a client of Consul sees.
const (
	markLeader mark = "first leader"
	markVoters mark = "three healthy voters"
	markUsable mark = "a write is acknowledged"
)

// pollEvery is the pause between two looks at the servers.
const pollEvery = 50 * time.Millisecond

// prober asks the servers of one formation until all has come.
type prober struct {
	contender contender
	namespace string
	k8s       client.Client
	reach     ground.Reach
	marks     *marks

	mu   sync.Mutex
	pods map[string]string // base URLs by pod name
}

// pod takes note of a pod that has an address.
func (p *prober) pod(it *corev1.Pod) {
	if it.Status.PodIP == "" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pods[it.Name] = p.reach.Pod(p.namespace, it.Name, it.Status.PodIP)
}

func (p *prober) urls() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]string, 0, len(p.pods))
	for _, url := range p.pods {
		out = append(out, url)
	}
	return out
}

// run asks for everything side by side and returns when all has come, or with
// the end of ctx.
func (p *prober) run(ctx context.Context) error {
	var wg sync.WaitGroup
	wg.Go(func() { p.await(ctx, markLeader, p.leads) })
	wg.Go(func() { p.await(ctx, markVoters, p.complete) })
	wg.Go(func() { p.await(ctx, markUsable, p.usable()) })
	wg.Wait()
	return ctx.Err() //nolint:wrapcheck // the caller says what did not come in time.
}

// await asks again and again. What counts is when the answer came.
func (p *prober) await(ctx context.Context, name mark, ask func(context.Context) bool) {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		if ask(ctx) {
			p.marks.first(name, time.Now())
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// leads tells whether any server knows of a leader; nobody needs a token for that.
func (p *prober) leads(ctx context.Context) bool {
	for _, url := range p.urls() {
		if text, ok := p.reach.Call(ctx, http.MethodGet, url+"/v1/status/leader", "", ""); ok && strings.Contains(text, ":8300") {
			return true
		}
	}
	return false
}

// complete tells whether autopilot knows of so many healthy voters.
func (p *prober) complete(ctx context.Context) bool {
	token, ok := p.token(ctx)
	if !ok {
		return false
	}
	for _, url := range p.urls() {
		text, ok := p.reach.Call(ctx, http.MethodGet, url+"/v1/operator/autopilot/health", token, "")
		if ok && healthyVoters(text) == manifests.Size {
			return true
		}
	}
	return false
}

func healthyVoters(health string) int {
	var h struct {
		Servers []struct{ Healthy, Voter bool }
	}
	if json.Unmarshal([]byte(health), &h) != nil {
		return 0
	}
	n := 0
	for _, s := range h.Servers {
		if s.Healthy && s.Voter {
			n++
		}
	}
	return n
}

// usable returns the test of a client: a write that is acknowledged, through
// the client Service and with the token of the connection Secret where there
// are such, and else by any server.
func (p *prober) usable() func(context.Context) bool {
	const path = "/v1/kv/my-key"
	if !p.contender.operated {
		return func(ctx context.Context) bool {
			for _, url := range p.urls() {
				if text, ok := p.reach.Call(ctx, http.MethodPut, url+path, "", "my-data"); ok && strings.HasPrefix(text, "true") {
					return true
				}
			}
			return false
		}
	}
	var service corev1.Service
	key := client.ObjectKey{Namespace: p.namespace, Name: manifests.Name + "-client"}
	return func(ctx context.Context) bool {
		if service.Spec.ClusterIP == "" && p.k8s.Get(ctx, key, &service) != nil {
			return false
		}
		token, ok := p.token(ctx)
		if !ok {
			return false
		}
		url := p.reach.Service(p.namespace, service.Name, service.Spec.ClusterIP)
		text, ok := p.reach.Call(ctx, http.MethodPut, url+path, token, "my-data")
		return ok && strings.HasPrefix(text, "true")
	}
}

// token reads the one of the connection Secret. Where there is no access
// control none is needed.
func (p *prober) token(ctx context.Context) (string, bool) {
	if !p.contender.operated {
		return "", true
	}
	var s corev1.Secret
	if p.k8s.Get(ctx, client.ObjectKey{Namespace: p.namespace, Name: manifests.Name + "-connection"}, &s) != nil {
		return "", false
	}
	return string(s.Data["token"]), len(s.Data["token"]) > 0
}
