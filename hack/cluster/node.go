// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/quorate/quorate/hack/cluster/daemon"
	"github.com/quorate/quorate/hack/cluster/layout"
	"github.com/quorate/quorate/hack/cluster/network"
	"github.com/quorate/quorate/hack/cluster/settings"
	"github.com/quorate/quorate/hack/images"
)

// startMachine makes what is missing of a node up to a containerd that has the pause image. The network of the control
// plane must be there.
func (c *Cluster) startMachine(ctx context.Context, node layout.Node, pause string) error {
	if err := c.prepareNode(ctx, node); err != nil {
		return fmt.Errorf("preparing node %s: %w", node.Name, err)
	}
	holder, err := c.ensureMounts(ctx, node)
	if err != nil {
		return err
	}
	spec := c.nodeSpec(node, holder.PID, containerd, c.tools[containerd], "--config="+c.Paths().Node(node).Etc("containerd.toml"))
	// containerd finds its shim by the path.
	spec.Env = []string{"PATH=" + filepath.Dir(c.tools["containerd-shim-runc-v2"]) + ":" + os.Getenv("PATH")}
	process, started, err := c.ensureProcess(spec)
	if err != nil || !started {
		return err
	}
	socket := c.Paths().Node(node).ContainerdSocket()
	if err := c.await(ctx, "containerd of "+node.Name, func(ctx context.Context) error {
		return dial(ctx, socket)
	}, process); err != nil {
		return err
	}
	return c.importImage(ctx, node, pause)
}

// prepareNode makes a node's folders, settings and network.
func (c *Cluster) prepareNode(ctx context.Context, node layout.Node) error {
	paths := c.Paths().Node(node)
	snapshotter, err := snapshotterFor(c.Paths().Dir)
	if err != nil {
		return err
	}
	files, err := settings.Node(c.Cluster, node, settings.NodeOptions{
		PauseImage: images.PauseReference, Snapshotter: snapshotter,
	})
	if err != nil {
		return err
	}
	if err := writeFiles(files); err != nil {
		return err
	}
	for _, folder := range []string{paths.Run(), paths.VarLog(), paths.CNI(), paths.Kubelet(), paths.Containerd()} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return fmt.Errorf("making a folder of the node: %w", err)
		}
	}
	return network.EnsureNode(ctx, c.Cluster, node)
}

// ensureMounts returns the process that holds a node's mounts. If it has to be started, the node was off: whatever is
// left of its processes is ended, and what a machine forgets without power is removed.
func (c *Cluster) ensureMounts(ctx context.Context, node layout.Node) (daemon.Record, error) {
	paths := c.Paths().Node(node)
	holder, err := c.book().Find(processName(node, machine))
	if err == nil {
		return holder, nil
	}
	if err := c.clearCgroup(ctx, node); err != nil {
		return daemon.Record{}, err
	}
	if err := c.groups.Create(c.NodeSystemCgroup(node)); err != nil {
		return daemon.Record{}, err
	}
	if err := emptyFolder(paths.Run()); err != nil {
		return daemon.Record{}, fmt.Errorf("emptying /run of node %s: %w", node.Name, err)
	}
	holder, _, err = c.ensureProcess(c.nodeSpec(node, 0, machine,
		"unshare", "--mount", "--propagation", "slave", "--", "sh", paths.Etc("machine.sh")))
	if err != nil {
		return daemon.Record{}, err
	}
	return holder, c.await(ctx, "the mounts of "+node.Name, func(context.Context) error {
		_, err := os.Stat(paths.MachineReady())
		return err //nolint:wrapcheck // await says what it waited for.
	}, holder)
}

// clearCgroup ends everything on a node and removes the control groups of its pods, for which a kubelet that finds them
// would look in vain for 3 s each.
func (c *Cluster) clearCgroup(ctx context.Context, node layout.Node) error {
	if err := c.groups.Kill(ctx, c.NodeCgroup(node)); err != nil {
		return err
	}
	return c.groups.Remove(ctx, c.NodeCgroup(node))
}

// startKubelet starts what makes a machine a node of the cluster. The API server must be ready: both would wait longer
// than needed after a first call that fails.
func (c *Cluster) startKubelet(node layout.Node) error {
	holder, err := c.book().Find(processName(node, machine))
	if err != nil {
		return fmt.Errorf("finding the mounts of node %s: %w", node.Name, err)
	}
	argv := append([]string{c.tools[kubelet]}, settings.KubeletArguments(c.Cluster, node)...)
	if _, _, err := c.ensureProcess(c.nodeSpec(node, holder.PID, kubelet, argv...)); err != nil {
		return err
	}
	_, _, err = c.ensureProcess(c.nodeSpec(node, holder.PID, kubeProxy,
		c.tools[kubeProxy], "--config="+c.Paths().Node(node).Etc("kube-proxy.yaml")))
	return err
}

// importImage loads the images of an archive into a node's containerd, which must be ready.
func (c *Cluster) importImage(ctx context.Context, node layout.Node, archive string) error {
	snapshotter, err := snapshotterFor(c.Paths().Dir)
	if err != nil {
		return err
	}
	arguments := []string{"images", "import"}
	if snapshotter != "overlayfs" {
		// The daemon's own import unpacks for one snapshotter only.
		arguments = append(arguments, "--local", "--snapshotter", snapshotter)
	}
	if err := c.ctr(ctx, node, append(arguments, archive)...); err != nil {
		return fmt.Errorf("loading %s: %w", filepath.Base(archive), err)
	}
	return nil
}

// ctr runs containerd's own client against a node.
func (c *Cluster) ctr(ctx context.Context, node layout.Node, arguments ...string) error {
	line := append([]string{"--address", c.Paths().Node(node).ContainerdSocket(), "--namespace", "k8s.io"}, arguments...)
	output, err := exec.CommandContext(ctx, c.tools["ctr"], line...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("running ctr on %s: %w: %s", node.Name, err, strings.TrimSpace(string(output)))
	}
	return nil
}

func dial(ctx context.Context, socket string) error {
	connection, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	return connection.Close() //nolint:wrapcheck // nothing was sent.
}

// snapshotterFor chooses how containerd keeps file systems: layered, unless the folder is itself on layers, on which
// the kernel puts no others.
func snapshotterFor(folder string) (string, error) {
	var info unix.Statfs_t
	if err := unix.Statfs(folder, &info); err != nil {
		return "", fmt.Errorf("looking at the file system of %s: %w", folder, err)
	}
	if info.Type == unix.OVERLAYFS_SUPER_MAGIC {
		return "native", nil
	}
	return "overlayfs", nil
}

// emptyFolder removes what is in a folder, but not the folder, which may be mounted somewhere.
func emptyFolder(folder string) error {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the folder: %w", err)
	}
	for _, entry := range entries {
		if err := os.RemoveAll(filepath.Join(folder, entry.Name())); err != nil {
			return fmt.Errorf("removing what is in the folder: %w", err)
		}
	}
	return nil
}
