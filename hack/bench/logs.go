// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// The moments that the containers' own logs tell of, by the clocks of the
// nodes.
const (
	logInit      mark = "last init has its say"
	logAgent     mark = "last agent has its say"
	logGate      mark = "last gate opened by the agent"
	logServer    mark = "last server has its say"
	logElection  mark = "first election begun"
	logLeader    mark = "a server says that it leads"
	logBootstrap mark = "access control bootstrapped"
	logConfigure mark = "autopilot configured"
)

// sign is what a line of a container's log tells of.
type sign struct {
	container string
	words     []string
	mark      mark
	// first of all members counts, and not the last.
	first bool
}

var signs = []sign{
	{container: "quorate-init", mark: logInit},
	{container: "quorate-agent", mark: logAgent},
	{container: "quorate-agent", words: []string{`"kind":"Grant"`, `"done":true`}, mark: logGate},
	{container: "quorate-agent", words: []string{`"kind":"Bootstrap"`, `"done":true`}, mark: logBootstrap, first: true},
	{container: "quorate-agent", words: []string{`"kind":"Configure"`, `"done":true`}, mark: logConfigure, first: true},
	{container: "server", mark: logServer},
	{container: "server", words: []string{"starting election"}, mark: logElection, first: true},
	{container: "server", words: []string{"cluster leadership acquired"}, mark: logLeader, first: true},
	{container: "consul", mark: logServer},
	{container: "consul", words: []string{"starting election"}, mark: logElection, first: true},
	{container: "consul", words: []string{"cluster leadership acquired"}, mark: logLeader, first: true},
}

// readLogs notes the moments of all pods in a namespace.
func readLogs(ctx context.Context, k8s kubernetes.Interface, namespace string, m *marks) error {
	pods, err := k8s.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("list the pods of %s: %w", namespace, err)
	}
	for _, p := range pods.Items {
		for _, c := range append(p.Spec.InitContainers, p.Spec.Containers...) {
			request := k8s.CoreV1().Pods(namespace).GetLogs(p.Name, &corev1.PodLogOptions{Container: c.Name, Timestamps: true})
			text, err := request.DoRaw(ctx)
			if err != nil {
				return fmt.Errorf("read the log of %s in %s: %w", c.Name, p.Name, err)
			}
			readLog(p.Name, c.Name, string(text), m)
		}
	}
	return nil
}

func readLog(pod, container, text string, m *marks) {
	for line := range strings.Lines(text) {
		stamp, words, _ := strings.Cut(line, " ")
		at, err := time.Parse(time.RFC3339Nano, stamp)
		if err != nil {
			continue
		}
		for _, s := range signs {
			if s.container != container || !containsAll(words, s.words) {
				continue
			}
			if s.first {
				m.first(s.mark, at)
			} else {
				m.each(s.mark, pod, at)
			}
		}
	}
}

func containsAll(text string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}
