// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package target is the cluster that demo, benchmarks and end-to-end tests run
// on: one that hack/cluster makes on this machine, kind, or whatever the
// kubeconfig at hand names. They say what they need; where it comes from is
// said once, here.
package target

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/quorate/quorate/hack/toolchain"
)

// Kind says where a cluster comes from.
type Kind string

const (
	// Local is made of real kubelets on this machine, without Docker.
	Local Kind = "local"
	// KindCluster is made by the kind program of this machine's PATH, with Docker.
	KindCluster Kind = "kind"
	// Existing is the one that the kubeconfig at hand names. Images must be
	// where its nodes can pull them.
	Existing Kind = "existing"
)

// Target is one cluster.
type Target struct {
	// Kind says where it comes from.
	Kind Kind
	// Name of the cluster; an existing one has none of ours.
	Name string
	// Root of the checkout.
	Root string
	// Out is where progress goes.
	Out io.Writer
	// Tools are the paths of kubectl and helm.
	Tools map[string]string

	build   sync.Once
	program string
	failure error
}

// New prepares a target without touching any cluster.
func New(ctx context.Context, kind Kind, name, root string, out io.Writer) (*Target, error) {
	switch kind {
	case Local, KindCluster, Existing:
	default:
		return nil, fmt.Errorf("cluster %q is none of %s, %s and %s", kind, Local, KindCluster, Existing)
	}
	tools, err := toolchain.Ensure(ctx, out, "kubectl", "helm")
	if err != nil {
		return nil, fmt.Errorf("build kubectl and helm: %w", err)
	}
	return &Target{Kind: kind, Name: name, Root: root, Out: out, Tools: tools}, nil
}

// Up brings the cluster up, or finds that it is.
func (t *Target) Up(ctx context.Context) error {
	switch t.Kind {
	case Local:
		return t.Local(ctx, "up")
	case KindCluster:
		if exec.CommandContext(ctx, "kind", "get", "kubeconfig", "--name", t.Name).Run() == nil {
			return nil
		}
		return t.run(ctx, "kind", "create", "cluster", "--name", t.Name, "--config", filepath.Join(t.Root, "hack", "target", "kind.yaml"), "--wait", "120s")
	default:
		return t.Kubectl(ctx, "get", "nodes")
	}
}

// Down removes a cluster that was made here. An existing one stays.
func (t *Target) Down(ctx context.Context) error {
	switch t.Kind {
	case Local:
		return t.Local(ctx, "down")
	case KindCluster:
		return t.run(ctx, "kind", "delete", "cluster", "--name", t.Name)
	default:
		return nil
	}
}

// Load brings image archives to the nodes.
func (t *Target) Load(ctx context.Context, archives ...string) error {
	switch t.Kind {
	case Local:
		return t.Local(ctx, append([]string{"load"}, archives...)...)
	case KindCluster:
		for _, a := range archives {
			if err := t.run(ctx, "kind", "load", "image-archive", "--name", t.Name, a); err != nil {
				return err
			}
		}
		return nil
	default:
		return nil
	}
}

// Images returns the archives that "make images" wrote.
func (t *Target) Images() ([]string, error) {
	found, err := filepath.Glob(filepath.Join(t.Root, "dist", "images", "*.tar"))
	if err != nil || len(found) == 0 {
		return nil, errors.Join(errors.New("no image archives in dist/images; make images writes them"), err)
	}
	return found, nil
}

// Kubeconfig returns the path of the cluster's kubeconfig.
func (t *Target) Kubeconfig(ctx context.Context) (string, error) {
	switch t.Kind {
	case Local:
		program, err := t.localProgram(ctx)
		if err != nil {
			return "", err
		}
		out, err := exec.CommandContext(ctx, program, "kubeconfig", "--name", t.Name).Output()
		if err != nil {
			return "", fmt.Errorf("find the kubeconfig of cluster %s: %w", t.Name, err)
		}
		return strings.TrimSpace(string(out)), nil
	case KindCluster:
		path := filepath.Join(t.Root, "dist", "kubeconfig-"+t.Name)
		return path, t.run(ctx, "kind", "export", "kubeconfig", "--name", t.Name, "--kubeconfig", path)
	default:
		if path := os.Getenv("KUBECONFIG"); path != "" {
			return path, nil
		}
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("find the kubeconfig: %w", err)
		}
		return filepath.Join(home, ".kube", "config"), nil
	}
}

// Local runs the local cluster's program, for what only it can do: faults.
func (t *Target) Local(ctx context.Context, args ...string) error {
	program, err := t.localProgram(ctx)
	if err != nil {
		return err
	}
	return t.run(ctx, program, append(args, "--name", t.Name)...)
}

// localProgram builds the program into bin/, once: parts of the cluster run
// from it, so it must outlive this process.
func (t *Target) localProgram(ctx context.Context) (string, error) {
	t.build.Do(func() {
		t.program = filepath.Join(t.Root, "bin", "cluster")
		cmd := exec.CommandContext(ctx, "go", "build", "-o", t.program, "./hack/cluster/cmd/cluster")
		cmd.Dir, cmd.Stdout, cmd.Stderr = t.Root, t.Out, t.Out
		if err := cmd.Run(); err != nil {
			t.failure = fmt.Errorf("build the local cluster's program: %w", err)
		}
	})
	return t.program, t.failure
}

// Kubectl runs kubectl against the cluster.
func (t *Target) Kubectl(ctx context.Context, args ...string) error {
	cmd, err := t.KubectlCommand(ctx, args...)
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = t.Out, t.Out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("kubectl %s: %w", strings.Join(args, " "), err)
	}
	return nil
}

// KubectlCommand returns a kubectl command against the cluster that has not
// been started.
func (t *Target) KubectlCommand(ctx context.Context, args ...string) (*exec.Cmd, error) {
	config, err := t.Kubeconfig(ctx)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, t.Tools["kubectl"], append([]string{"--kubeconfig", config}, args...)...)
	cmd.Dir = t.Root
	return cmd, nil
}

// Helm runs helm against the cluster.
func (t *Target) Helm(ctx context.Context, args ...string) error {
	config, err := t.Kubeconfig(ctx)
	if err != nil {
		return err
	}
	return t.run(ctx, t.Tools["helm"], append(args, "--kubeconfig", config)...)
}

func (t *Target) run(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = t.Root, t.Out, t.Out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", filepath.Base(name), strings.Join(args, " "), err)
	}
	return nil
}
