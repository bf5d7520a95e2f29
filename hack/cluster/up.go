// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/hack/cluster/daemon"
	"github.com/quorate/quorate/hack/cluster/layout"
	"github.com/quorate/quorate/hack/cluster/mounts"
	"github.com/quorate/quorate/hack/cluster/network"
	"github.com/quorate/quorate/hack/images"
	"github.com/quorate/quorate/hack/toolchain"
)

// Options say which cluster to bring up.
type Options struct {
	// Name of the cluster; empty means the default.
	Name string
	// Nodes is their number; 0 means as many as it has, or 3. A cluster that exists can only grow.
	Nodes int
	// Program is the executable of the command cluster, which provisions volumes as a process of its own. Empty means
	// that claims for volumes stay pending.
	Program string
	// Progress gets a line for every step.
	Progress io.Writer
}

// Up brings a cluster up: it makes what is missing of it, starts what does not run, and returns when all nodes take pods
// and the cluster's names are resolved. On a cluster to which nothing is missing it only finds that out. Nodes that were
// switched or cut off are brought back. When it fails or is interrupted, what it has made stays, for a look at the logs;
// Up goes on from there, and Down removes it.
func Up(ctx context.Context, options Options) (*Cluster, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("a local cluster needs root: it makes namespaces, mounts and control groups")
	}
	if err := Prepare(ctx, options.Progress); err != nil {
		return nil, err
	}
	c, err := claim(ctx, options.Name, options.Nodes, options.Progress)
	if err != nil {
		return nil, err
	}
	if err := c.findTools(ctx); err != nil {
		return nil, err
	}
	release, err := c.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	return c, c.up(ctx, options.Program)
}

// Prepare installs and builds what clusters need and the machine lacks. That takes long once and no time ever after, so
// it may be done apart from Up, without a limit.
func Prepare(ctx context.Context, progress io.Writer) error {
	if err := toolchain.EnsureDebian(ctx, progress); err != nil {
		return fmt.Errorf("installing what a local cluster needs: %w", err)
	}
	if _, err := toolchain.Ensure(ctx, progress, requiredTools()...); err != nil {
		return fmt.Errorf("building what a local cluster needs: %w", err)
	}
	_, err := pauseImage(ctx, progress)
	return err
}

func (c *Cluster) up(ctx context.Context, program string) error {
	c.say("cluster %s: %d nodes, machines in %s, pods in %s, services in %s",
		c.Name, c.Nodes, c.Network().Machines, c.Network().Pods, c.Network().Services)
	if err := c.makeGround(ctx); err != nil {
		return err
	}
	c.say("network and settings are there")
	if err := c.startAll(ctx); err != nil {
		return err
	}
	if err := c.startProvisioner(program); err != nil {
		return err
	}
	if err := c.awaitUsable(ctx); err != nil {
		return err
	}
	c.say("cluster %s is up; its kubeconfig is %s", c.Name, c.Kubeconfig())
	return nil
}

// lock keeps other programs from changing the cluster meanwhile.
func (c *Cluster) lock(ctx context.Context) (release func(), err error) {
	return lockFolder(ctx, c.Paths().Dir, func() { c.say("waiting for another program to be done with cluster %s", c.Name) })
}

// makeGround makes what processes need before they can start.
func (c *Cluster) makeGround(ctx context.Context) error {
	// Somebody may have taken the cluster down between the choice of its address range and the lock.
	if err := c.save(); err != nil {
		return err
	}
	loadKernelModules(ctx)
	if err := mounts.EnsureShared(c.Paths().Dir); err != nil {
		return fmt.Errorf("preparing the folder of cluster %s: %w", c.Name, err)
	}
	if err := c.prepareControlPlane(); err != nil {
		return fmt.Errorf("preparing the control plane of cluster %s: %w", c.Name, err)
	}
	if err := network.EnsureControlPlane(ctx, c.Cluster); err != nil {
		return fmt.Errorf("making the network of cluster %s: %w", c.Name, err)
	}
	return nil
}

// startAll starts the control plane and the nodes side by side, and kubelets as soon as both are there.
func (c *Cluster) startAll(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	api := make(chan struct{})
	group.Go(func() error {
		if err := c.startAPI(ctx); err != nil {
			return err
		}
		close(api)
		if err := c.createObjects(ctx); err != nil {
			return err
		}
		return c.startControllers()
	})
	group.Go(func() error {
		pause, err := pauseImage(ctx, c.progress)
		if err != nil {
			return err
		}
		for _, node := range c.NodeList() {
			group.Go(func() error { return c.startNode(ctx, node, pause, api) })
		}
		return nil
	})
	return group.Wait() //nolint:wrapcheck // these are errors of this package.
}

// startNode brings a node up to its kubelet, which waits for the API.
func (c *Cluster) startNode(ctx context.Context, node layout.Node, pause string, api <-chan struct{}) error {
	if err := c.startMachine(ctx, node, pause); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return fmt.Errorf("waiting for the API server: %w", ctx.Err())
	case <-api:
	}
	return c.startKubelet(node)
}

// pauseImage returns an archive with the image that holds a pod's namespaces, which is made once a machine.
func pauseImage(ctx context.Context, progress io.Writer) (string, error) {
	cache, err := toolchain.CacheDir()
	if err != nil {
		return "", fmt.Errorf("finding the cache: %w", err)
	}
	folder := filepath.Join(cache, "cluster")
	archive := filepath.Join(folder, "pause.tar")
	if _, err := os.Stat(archive); err == nil {
		return archive, nil
	}
	err = images.Build(ctx, images.Options{Out: folder, Only: []string{"pause"}, Progress: progress})
	if err != nil {
		return "", fmt.Errorf("making the pause image: %w", err)
	}
	return archive, nil
}

// startProvisioner runs the program's own subcommand in the background, from a copy: the original may be one that "go
// run" removes.
func (c *Cluster) startProvisioner(program string) error {
	if program == "" {
		c.say("nothing provisions volumes: no program for it was given")
		return nil
	}
	if _, err := c.book().Find(provisioner); !errors.Is(err, daemon.ErrGone) {
		return err
	}
	content, err := os.ReadFile(program)
	if err != nil {
		return fmt.Errorf("reading the program that provisions volumes: %w", err)
	}
	copied := filepath.Join(c.Paths().Programs(), "cluster")
	if err := writeFile(copied, content, 0o755); err != nil {
		return err
	}
	_, _, err = c.ensureProcess(daemon.Spec{
		Name:    provisioner,
		Argv:    []string{copied, "provisioner", "--name", c.Name},
		Cgroups: c.groups.Folders(c.ControlPlaneCgroup()),
	})
	return err
}

// awaitUsable waits until pods can run on every node and names are resolved, by the service's address.
func (c *Cluster) awaitUsable(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	running, err := c.findProcesses()
	if err != nil {
		return err
	}
	since := time.Now().Add(-recently)
	if err := c.await(ctx, "the nodes to be ready", func(ctx context.Context) error {
		if err := accountsWork(ctx, api); err != nil {
			return err
		}
		return c.nodesReady(ctx, api, c.NodeList(), since)
	}, running...); err != nil {
		return err
	}
	c.say("%d nodes are ready", c.Nodes)
	return c.await(ctx, "the cluster's names to be resolved", func(ctx context.Context) error {
		return resolve(ctx, c.Network())
	}, running...)
}

func (c *Cluster) client() (client.Client, error) {
	config, err := c.RESTConfig()
	if err != nil {
		return nil, err
	}
	api, err := client.New(config, client.Options{})
	if err != nil {
		return nil, fmt.Errorf("connecting to cluster %s: %w", c.Name, err)
	}
	return api, nil
}

// resolve asks the cluster's DNS once for a name that every cluster has. Questions get lost until kube-proxy knows where
// they belong, and are then asked again by the caller rather than waited for.
func resolve(ctx context.Context, plan layout.Network) error {
	ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, protocol, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, protocol, net.JoinHostPort(plan.DNSService.String(), "53"))
	}}
	addresses, err := resolver.LookupHost(ctx, "kubernetes.default.svc.cluster.local.")
	if err != nil {
		return fmt.Errorf("asking the cluster's DNS: %w", err)
	}
	if want := plan.APIService.String(); len(addresses) != 1 || addresses[0] != want {
		return fmt.Errorf("the cluster's DNS says %v for the API, not %s", addresses, want)
	}
	return nil
}
