// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package ground is what every benchmark stands on: a cluster with the operator
// installed, clients of it, namespaces that leave nothing behind, and a moment
// when the machine has nothing else to do.
package ground

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/hack/target"
)

const (
	// OperatorNamespace is where the operator is installed.
	OperatorNamespace = "quorate-system"
	// Operator is the name of its Deployment.
	Operator = "quorate-manager"
)

// Ground is one cluster with the operator installed.
type Ground struct {
	*target.Target
	// K8s and Plain are clients of its API; no limit holds them back.
	K8s   client.WithWatch
	Plain kubernetes.Interface
	// Reach says how servers are called from here.
	Reach Reach
}

// Plan says which cluster, and what becomes of it.
type Plan struct {
	Kind target.Kind
	Name string
	// Keep leaves it up at the end.
	Keep bool
	// Images is a pattern of archives that are loaded besides those of dist/images; it
	// may be empty.
	Images string
	// Out gets the progress.
	Out io.Writer
}

// Use prepares a cluster, does something on it, and takes it down, also where
// ctx has ended meanwhile or the cluster came up by half.
func Use(ctx context.Context, p Plan, do func(*Ground) error) (err error) {
	t, err := target.New(ctx, p.Kind, p.Name, ".", p.Out)
	if err != nil {
		return fmt.Errorf("prepare the benchmark: %w", err)
	}
	if !p.Keep {
		defer func() {
			downErr := t.Down(context.WithoutCancel(ctx))
			if err == nil {
				err = downErr
			}
		}()
	}
	g, err := prepare(ctx, t, p.Images)
	if err != nil {
		return err
	}
	return do(g)
}

// prepare brings cluster and operator up.
func prepare(ctx context.Context, t *target.Target, images string) (*Ground, error) {
	if err := t.Up(ctx); err != nil {
		return nil, err
	}
	archives, err := t.Images()
	if err != nil {
		return nil, err
	}
	if images != "" {
		further, err := filepath.Glob(filepath.Join(t.Root, images))
		if err != nil || len(further) == 0 {
			return nil, fmt.Errorf("find the images %s: %d of them: %w", images, len(further), err)
		}
		archives = append(archives, further...)
	}
	if err := t.Load(ctx, archives...); err != nil {
		return nil, err
	}
	if err := t.Helm(ctx, "upgrade", "--install", "quorate", "charts/quorate",
		"--namespace", OperatorNamespace, "--create-namespace", "--wait", "--timeout", "120s"); err != nil {
		return nil, err
	}
	g := &Ground{Target: t}
	// A cluster that was kept up runs the program that was loaded before.
	if err := g.RestartOperator(ctx); err != nil {
		return nil, err
	}
	return g, g.connect(ctx)
}

// RestartOperator replaces the operator's pods and waits for the new ones.
func (g *Ground) RestartOperator(ctx context.Context) error {
	for _, args := range [][]string{{"restart"}, {"status", "--timeout=60s"}} {
		if err := g.Kubectl(ctx, append([]string{"-n", OperatorNamespace, "rollout", args[0], "deployment/" + Operator}, args[1:]...)...); err != nil {
			return err
		}
	}
	return nil
}

func (g *Ground) connect(ctx context.Context) error {
	path, err := g.Kubeconfig(ctx)
	if err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		return fmt.Errorf("read the kubeconfig: %w", err)
	}
	config.QPS = -1
	if g.Kind == target.Local {
		// The environment's proxy is not for what is on this machine.
		config.Proxy = func(*http.Request) (*url.URL, error) { return nil, nil }
	}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return fmt.Errorf("register API types: %w", err)
		}
	}
	if g.K8s, err = client.NewWithWatch(config, client.Options{Scheme: scheme}); err != nil {
		return fmt.Errorf("make a client of the cluster: %w", err)
	}
	if g.Plain, err = kubernetes.NewForConfig(config); err != nil {
		return fmt.Errorf("make a client of the cluster: %w", err)
	}
	g.Reach, err = newReach(g.Kind, config)
	return err
}
