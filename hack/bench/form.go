// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/hack/target"
)

const operatorNamespace = "quorate-system"

// options are the flags of a benchmark.
type options struct {
	kind         target.Kind
	name, report string
	runs         int
	keep         bool
	only         []string
	// quiet is for how long a quiet moment is waited for before a formation.
	quiet time.Duration
}

// bench is one cluster with the operator installed.
type bench struct {
	*target.Target
	k8s   client.WithWatch
	plain kubernetes.Interface
	reach reach
	quiet time.Duration
}

// form brings a cluster up, forms every contender in turn, as often as asked,
// and reports.
func form(ctx context.Context, o options, out io.Writer) (err error) {
	t, err := target.New(ctx, o.kind, o.name, ".", out)
	if err != nil {
		return fmt.Errorf("prepare the benchmark: %w", err)
	}
	if !o.keep {
		defer func() {
			downErr := t.Down(context.WithoutCancel(ctx))
			if err == nil {
				err = downErr
			}
		}()
	}
	b, err := prepare(ctx, t)
	if err != nil {
		return err
	}
	b.quiet = o.quiet
	r, err := b.rounds(ctx, o)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, "\n%s", r.text())
	if o.report == "" || len(o.only) > 0 {
		return nil
	}
	return r.write(o.report)
}

// rounds forms all contenders, one after the other, so that a machine that
// slows down is slow for all of them.
func (b *bench) rounds(ctx context.Context, o options) (results, error) {
	r := results{runs: map[string][]run{}, when: time.Now()}
	for i := range o.runs {
		for _, c := range contenders {
			if len(o.only) > 0 && !slices.Contains(o.only, c.key) {
				continue
			}
			one, err := b.once(ctx, c, i+1)
			if err != nil {
				return r, fmt.Errorf("form the %s, run %d: %w", c.title, i+1, err)
			}
			r.runs[c.key] = append(r.runs[c.key], one)
			_, _ = fmt.Fprintf(b.Out, "run %d  %s\n", i+1, one.line(c))
		}
	}
	return r, nil
}

// write puts the results where they are published.
func (r results) write(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	if err := os.WriteFile(path, []byte(r.text()), 0o644); err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	return nil
}

// prepare brings cluster and operator up.
func prepare(ctx context.Context, t *target.Target) (*bench, error) {
	if err := t.Up(ctx); err != nil {
		return nil, err
	}
	archives, err := t.Images()
	if err != nil {
		return nil, err
	}
	if err := t.Load(ctx, archives...); err != nil {
		return nil, err
	}
	if err := t.Helm(ctx, "upgrade", "--install", "quorate", "charts/quorate",
		"--namespace", operatorNamespace, "--create-namespace", "--wait", "--timeout", "120s"); err != nil {
		return nil, err
	}
	// A cluster that was kept up runs the program that was loaded before.
	for _, args := range [][]string{{"restart"}, {"status", "--timeout=60s"}} {
		if err := t.Kubectl(ctx, append([]string{"-n", operatorNamespace, "rollout", args[0], "deployment/quorate-manager"}, args[1:]...)...); err != nil {
			return nil, err
		}
	}
	b := &bench{Target: t}
	return b, b.connect(ctx)
}

func (b *bench) connect(ctx context.Context) error {
	path, err := b.Kubeconfig(ctx)
	if err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		return fmt.Errorf("read the kubeconfig: %w", err)
	}
	config.QPS = -1
	if b.Kind == target.Local {
		// The environment's proxy is not for what is on this machine.
		config.Proxy = func(*http.Request) (*url.URL, error) { return nil, nil }
	}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return fmt.Errorf("register API types: %w", err)
		}
	}
	if b.k8s, err = client.NewWithWatch(config, client.Options{Scheme: scheme}); err != nil {
		return fmt.Errorf("make a client of the cluster: %w", err)
	}
	if b.plain, err = kubernetes.NewForConfig(config); err != nil {
		return fmt.Errorf("make a client of the cluster: %w", err)
	}
	b.reach, err = newReach(b.Kind, config)
	return err
}

// patience is for how long one formation may take.
const patience = 3 * time.Minute

// once forms a contender in a namespace of its own and removes it with its
// volumes.
func (b *bench) once(ctx context.Context, c contender, number int) (out run, err error) {
	ns := fmt.Sprintf("bench-%s-%d", c.key, number)
	if err := b.makeNamespace(ctx, ns, c.level); err != nil {
		return out, err
	}
	defer func() {
		if goneErr := b.removeNamespace(context.WithoutCancel(ctx), ns); err == nil {
			err = goneErr
		}
	}()
	if out.busy, err = awaitQuiet(ctx, b.quiet); err != nil {
		return out, err
	}
	watching, stop := context.WithTimeout(ctx, patience)
	defer stop()
	m := newMarks(time.Now())
	p := &prober{contender: c, namespace: ns, k8s: b.k8s, reach: b.reach, marks: m, pods: map[string]string{}}
	o := &observer{k8s: b.k8s, namespace: ns, marks: m, pods: p.pod, troubles: newTally()}
	if err := o.start(watching); err != nil {
		return out, err
	}
	cmd, err := b.KubectlCommand(ctx, "-n", ns, "apply", "-f", "-")
	if err != nil {
		return out, err
	}
	cmd.Stdin = strings.NewReader(c.manifest)
	m.begin = time.Now()
	probed := make(chan error, 1)
	go func() { probed <- p.run(watching) }()
	if text, err := cmd.CombinedOutput(); err != nil {
		return out, fmt.Errorf("apply the manifest: %w: %s", err, text)
	}
	m.first(markApplied, time.Now())
	if err := <-probed; err != nil {
		return out, fmt.Errorf("it has not formed within %s: %w", patience, err)
	}
	if err := b.awaitReady(watching, c, m); err != nil {
		return out, err
	}
	if err := readLogs(ctx, b.plain, ns, m); err != nil {
		return out, err
	}
	out.at, out.troubles = m.all(), o.troubles
	return out, nil
}

// awaitReady waits for what the watches have still to tell.
func (b *bench) awaitReady(ctx context.Context, c contender, m *marks) error {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		_, ready := m.all()[markReady]
		if ready || !c.operated {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the Datastore is not Ready within %s", patience)
		case <-ticker.C:
		}
	}
}

func (b *bench) makeNamespace(ctx context.Context, name, level string) error {
	ns := &corev1.Namespace{}
	ns.Name, ns.Labels = name, map[string]string{"pod-security.kubernetes.io/enforce": level}
	if err := b.k8s.Create(ctx, ns); err != nil {
		return fmt.Errorf("create namespace %s: %w", name, err)
	}
	// Pods need the default service account, which is made after the namespace.
	return poll(ctx, "the service account of "+name, func(ctx context.Context) bool {
		return b.k8s.Get(ctx, client.ObjectKey{Namespace: name, Name: "default"}, &corev1.ServiceAccount{}) == nil
	})
}

// removeNamespace returns when nothing is left, volumes included, so that the
// next formation has the machine for itself.
func (b *bench) removeNamespace(ctx context.Context, name string) error {
	ns := &corev1.Namespace{}
	ns.Name = name
	if err := client.IgnoreNotFound(b.k8s.Delete(ctx, ns)); err != nil {
		return fmt.Errorf("delete namespace %s: %w", name, err)
	}
	return poll(ctx, "namespace "+name+" to be gone", func(ctx context.Context) bool {
		if err := b.k8s.Get(ctx, client.ObjectKeyFromObject(ns), &corev1.Namespace{}); client.IgnoreNotFound(err) != nil || err == nil {
			return false
		}
		var volumes corev1.PersistentVolumeList
		if b.k8s.List(ctx, &volumes) != nil {
			return false
		}
		return !slices.ContainsFunc(volumes.Items, func(v corev1.PersistentVolume) bool {
			return v.Spec.ClaimRef != nil && v.Spec.ClaimRef.Namespace == name
		})
	})
}

// poll asks until a thing is so.
func poll(ctx context.Context, what string, is func(context.Context) bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for !is(ctx) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, ctx.Err())
		case <-ticker.C:
		}
	}
	return nil
}
