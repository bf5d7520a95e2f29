// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build cluster

package cluster

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/hack/cluster"
	"github.com/quorate/quorate/hack/cluster/layout"
	"github.com/quorate/quorate/hack/images"
	"github.com/quorate/quorate/hack/toolchain"
)

// harness drives one cluster by the program that people use.
type harness struct {
	t       *testing.T
	name    string
	program string
	kubectl string
}

// newHarness builds the program. The cluster is removed when the test ends, whatever state it is in.
func newHarness(t *testing.T, name string) *harness {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("a local cluster needs root")
	}
	tools, err := toolchain.Ensure(t.Context(), os.Stderr, "kubectl")
	if err != nil {
		t.Fatal(err)
	}
	h := &harness{t: t, name: name, program: filepath.Join(t.TempDir(), "cluster"), kubectl: tools["kubectl"]}
	build := exec.CommandContext(t.Context(), "go", "build", "-o", h.program, "../../hack/cluster/cmd/cluster")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the program: %v\n%s", err, output)
	}
	t.Cleanup(func() {
		if err := cluster.Down(context.WithoutCancel(t.Context()), name, io.Discard); err != nil {
			t.Errorf("removing the cluster: %v", err)
		}
	})
	return h
}

// sub is the harness within a subtest.
func (h *harness) sub(t *testing.T) *harness {
	other := *h
	other.t = t
	return &other
}

// command runs a program, at most for the given time, and returns what it prints on standard output.
func command(ctx context.Context, most time.Duration, input string, argv ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdin = strings.NewReader(input)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.String(), errors.Join(err, ctx.Err(), errors.New(strings.TrimSpace(stderr.String())))
	}
	return stdout.String(), nil
}

// do runs a subcommand of the program, which must succeed, and returns how long it took.
func (h *harness) do(args ...string) time.Duration {
	h.t.Helper()
	start := time.Now()
	if _, err := h.try(args...); err != nil {
		h.t.Fatalf("cluster %s: %v", strings.Join(args, " "), err)
	}
	return time.Since(start)
}

func (h *harness) try(args ...string) (string, error) {
	line := append([]string{h.program, "--name", h.name, "--timeout", "90s"}, args...)
	return command(h.t.Context(), 2*time.Minute, "", line...)
}

// kube runs kubectl, which must succeed.
func (h *harness) kube(input string, args ...string) string {
	h.t.Helper()
	output, err := h.tryKube(input, args...)
	if err != nil {
		h.t.Fatalf("kubectl %s: %v", strings.Join(args, " "), err)
	}
	return output
}

func (h *harness) tryKube(input string, args ...string) (string, error) {
	line := append([]string{h.kubectl, "--kubeconfig", h.cluster().Paths().Kubeconfig(), "--request-timeout=10s"}, args...)
	return command(h.t.Context(), 90*time.Second, input, line...)
}

// inPod runs a command in a pod, at most for ten seconds.
func (h *harness) inPod(pod string, argv ...string) (string, error) {
	line := append([]string{h.kubectl, "--kubeconfig", h.cluster().Paths().Kubeconfig(), "exec", pod, "--"}, argv...)
	return command(h.t.Context(), 10*time.Second, "", line...)
}

// cluster opens the cluster through the package.
func (h *harness) cluster() *cluster.Cluster {
	h.t.Helper()
	c, err := cluster.Open(h.name, io.Discard)
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

func (h *harness) node(number int) layout.Node { return h.cluster().NodeList()[number-1] }

func (h *harness) status() cluster.Status {
	h.t.Helper()
	status, err := h.cluster().Status(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return status
}

// loadImages makes an image with a shell and an HTTP client, and loads it into every node.
func (h *harness) loadImages() {
	h.t.Helper()
	out := h.t.TempDir()
	err := images.Build(h.t.Context(), images.Options{Out: out, Only: []string{"curl"}, Progress: io.Discard})
	if err != nil {
		h.t.Fatal(err)
	}
	h.do("load", filepath.Join(out, "curl.tar"))
}

// eventually asks until the answer is nil.
func (h *harness) eventually(what string, most time.Duration, ask func() error) {
	h.t.Helper()
	start := time.Now()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ask()
		if err == nil {
			h.t.Logf("%s after %.1f s", what, time.Since(start).Seconds())
			return
		}
		if time.Since(start) > most {
			h.t.Fatalf("not within %s: %s: %v", most, what, err)
		}
		select {
		case <-h.t.Context().Done():
			h.t.Fatalf("interrupted while waiting: %s: %v", what, err)
		case <-tick.C:
		}
	}
}
