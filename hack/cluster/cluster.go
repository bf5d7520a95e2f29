// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cluster runs a Kubernetes cluster of several nodes on one Linux machine, as root and without a container
// engine: the real control plane, and for each node a network namespace, a mount namespace and control groups of its
// own, with the real containerd, kubelet and kube-proxy in them. It is for tests and demonstrations, and can do to a
// node what those need: switch it off, cut it off, take the API server away.
//
// Nothing in the cluster can reach the world outside, and nothing is pulled: images are loaded. The machine itself is on
// the cluster's network: it reaches nodes, pods and services by their addresses. Network policies are accepted and not
// enforced.
//
// Everything a cluster is made of can be found again from its name alone, whoever died in between: its files and mounts
// are below one folder, its processes in one control group, its namespaces exist only while those do.
package cluster

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/quorate/quorate/hack/cluster/cgroup"
	"github.com/quorate/quorate/hack/cluster/daemon"
	"github.com/quorate/quorate/hack/cluster/layout"
)

// ErrNone says that there is no cluster of that name.
var ErrNone = errors.New("there is no such cluster; make one with: cluster up")

// Cluster is a local cluster that exists, running or not.
type Cluster struct {
	layout.Cluster

	groups   cgroup.Tree
	tools    map[string]string // paths of programs, only while they are started.
	progress io.Writer
	began    time.Time
}

// Open finds a cluster by its name; an empty one means the default. It returns ErrNone if there is none. Progress gets
// a line for everything of note that later calls do.
func Open(name string, progress io.Writer) (*Cluster, error) {
	if name == "" {
		name = layout.DefaultName
	}
	if err := layout.ValidateName(name); err != nil {
		return nil, err
	}
	known := layout.Cluster{Name: name}
	text, err := os.ReadFile(known.Paths().Record())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cluster %s: %w", name, ErrNone)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the record of cluster %s: %w", name, err)
	}
	if err := json.Unmarshal(text, &known); err != nil {
		return nil, fmt.Errorf("reading the record of cluster %s: %w", name, err)
	}
	return newCluster(known, progress)
}

func newCluster(known layout.Cluster, progress io.Writer) (*Cluster, error) {
	groups, err := cgroup.Find()
	if err != nil {
		return nil, err
	}
	return &Cluster{Cluster: known, groups: groups, progress: progress, began: time.Now()}, nil
}

// Kubeconfig is the path of the administrator's kubeconfig.
func (c *Cluster) Kubeconfig() string { return c.Paths().Kubeconfig() }

// RESTConfig returns how to reach the cluster's API as its administrator. A proxy of the environment is not used.
func (c *Cluster) RESTConfig() (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig())
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig of cluster %s: %w", c.Name, err)
	}
	config.Proxy = noProxy
	config.QPS, config.Burst = 100, 200
	return config, nil
}

// save writes the cluster's record.
func (c *Cluster) save() error {
	text, err := json.Marshal(c.Cluster)
	if err != nil {
		return fmt.Errorf("encoding the record of cluster %s: %w", c.Name, err)
	}
	return writeFile(c.Paths().Record(), text, 0o644)
}

func (c *Cluster) book() daemon.Book { return daemon.Book{Dir: c.Paths().PIDs()} }

// say writes a line of progress. A writer that fails takes nothing from the cluster, so its error is of no use.
func (c *Cluster) say(format string, args ...any) {
	_, _ = fmt.Fprintf(c.progress, "%5.1fs  %s\n", time.Since(c.began).Seconds(), fmt.Sprintf(format, args...))
}

// writeFile makes a file appear in one step, with the folders above it. A file that has the content is left alone.
func writeFile(path string, content []byte, mode fs.FileMode) error {
	if old, err := os.ReadFile(path); err == nil && string(old) == string(content) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("making the folder of %s: %w", path, err)
	}
	if err := os.WriteFile(path+".new", content, mode); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("putting %s in its place: %w", path, err)
	}
	return nil
}
