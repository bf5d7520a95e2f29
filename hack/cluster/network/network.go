// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package network

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/quorate/quorate/hack/cluster/daemon"
	"github.com/quorate/quorate/hack/cluster/layout"
)

// Kernel settings of a namespace. Forwarding is what makes it a router for its pods; bridged packets must pass the
// packet filter on a node, or a service's answer from a pod of the same bridge would come from the wrong address, and
// must not pass it between the machines.
const (
	forward        = "net/ipv4/ip_forward=1"
	noReversePath  = "net/ipv4/conf/all/rp_filter=0"
	filterBridged  = "net/bridge/bridge-nf-call-iptables=1"
	ignoreBridged  = "net/bridge/bridge-nf-call-iptables=0"
	ignoreBridged6 = "net/bridge/bridge-nf-call-ip6tables=0"
	giveUpSoon     = "net/ipv4/tcp_orphan_retries=1"
)

// EnsureControlPlane makes what is missing of the control plane's namespace, of the bridge and of the machine's link to
// it.
func EnsureControlPlane(ctx context.Context, c layout.Cluster) error {
	ns := c.Paths().ControlPlaneNetNS()
	if err := ensureNamespace(ctx, ns); err != nil {
		return err
	}
	if err := tune(ctx, ns, forward, noReversePath, ignoreBridged, ignoreBridged6); err != nil {
		return err
	}
	if err := ensureLink(ctx, ns, bridge, ns, controlPlaneLink(c)); err != nil {
		return err
	}
	if err := ensureLink(ctx, "", c.HostLink(), "", hostLinkCommand(c)); err != nil {
		return err
	}
	if err := batch(ctx, ns, append(controlPlaneSettings(c), hostPortSettings()...)); err != nil {
		return err
	}
	return batch(ctx, "", hostSettings(c))
}

// EnsureNode makes what is missing of a node's namespace and of its link to the bridge, which must be there.
func EnsureNode(ctx context.Context, c layout.Cluster, node layout.Node) error {
	ns, central := c.Paths().NodeNetNS(node), c.Paths().ControlPlaneNetNS()
	if err := ensureNamespace(ctx, ns); err != nil {
		return err
	}
	if err := tune(ctx, ns, forward, noReversePath, filterBridged); err != nil {
		return err
	}
	if err := ensureLink(ctx, ns, nodeLink, central, nodeLinkCommand(c, node)); err != nil {
		return err
	}
	if err := batch(ctx, central, nodePortSettings(node)); err != nil {
		return err
	}
	return batch(ctx, ns, nodeSettings(c, node))
}

// SetNodePort connects a node to all the others and to the control plane, or cuts it off from them.
func SetNodePort(ctx context.Context, c layout.Cluster, node layout.Node, connected bool) error {
	state := "down"
	if connected {
		state = "up"
	}
	return batch(ctx, c.Paths().ControlPlaneNetNS(), []string{"link set " + port(node) + " " + state})
}

// Connected tells whether a node's port of the bridge is up.
func Connected(ctx context.Context, c layout.Cluster, node layout.Node) bool {
	return run(ctx, c.Paths().ControlPlaneNetNS(), "", "sh", "-c",
		`ip -o link show dev "$1" up | grep -q .`, "sh", port(node)) == nil
}

// PowerOff cuts a node off for good, before its processes are ended: nobody may hear of their end. Their connections,
// with nobody to say goodbye to, are made to give up at once, since they would keep the namespace for minutes. It does
// nothing to a node that has no network.
func PowerOff(ctx context.Context, c layout.Cluster, node layout.Node) error {
	if Connected(ctx, c, node) {
		if err := SetNodePort(ctx, c, node, false); err != nil {
			return err
		}
	}
	if ns := c.Paths().NodeNetNS(node); pinned(ns) {
		return tune(ctx, ns, giveUpSoon)
	}
	return nil
}

// RemoveNode removes a node's link and its namespace, with all that was set in there.
func RemoveNode(ctx context.Context, c layout.Cluster, node layout.Node) error {
	if central := c.Paths().ControlPlaneNetNS(); linkExists(ctx, central, port(node)) {
		if err := batch(ctx, central, []string{"link delete " + port(node)}); err != nil {
			return err
		}
	}
	return removeNamespace(c.Paths().NodeNetNS(node))
}

// RemoveHostLink removes the machine's link, and the routes with it.
func RemoveHostLink(ctx context.Context, c layout.Cluster) error {
	if !linkExists(ctx, "", c.HostLink()) {
		return nil
	}
	return batch(ctx, "", []string{"link delete " + c.HostLink()})
}

// ensureNamespace makes a network namespace that lasts until its file is unmounted.
func ensureNamespace(ctx context.Context, path string) error {
	if pinned(path) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("making the folder of network namespaces: %w", err)
	}
	if err := os.WriteFile(path, nil, 0o444); err != nil {
		return fmt.Errorf("making the file of network namespace %s: %w", filepath.Base(path), err)
	}
	if err := run(ctx, "", "", "unshare", "--net="+path, "true"); err != nil {
		return fmt.Errorf("making the network namespace %s: %w", filepath.Base(path), err)
	}
	return nil
}

func removeNamespace(path string) error {
	if err := unix.Unmount(path, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) &&
		!errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("removing the network namespace %s: %w", filepath.Base(path), err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the file of network namespace %s: %w", filepath.Base(path), err)
	}
	return nil
}

// pinned tells whether the file stands for a namespace, and is not merely the file that one was pinned to.
func pinned(path string) bool {
	var info unix.Statfs_t
	return unix.Statfs(path, &info) == nil && info.Type == unix.NSFS_MAGIC
}

// tune writes kernel settings in a namespace. Settings of a bridge exist only where the kernel filters bridges at all.
func tune(ctx context.Context, ns string, settings ...string) error {
	for _, setting := range settings {
		file, value, _ := strings.Cut(setting, "=")
		if err := run(ctx, ns, value, "tee", "/proc/sys/"+file); err != nil {
			return fmt.Errorf("setting %s in %s (for net/bridge, the kernel module br_netfilter is needed): %w",
				setting, filepath.Base(ns), err)
		}
	}
	return nil
}

// ensureLink makes a link if the first namespace has none of that name; the command is said in the second.
func ensureLink(ctx context.Context, ns, name, where, command string) error {
	if linkExists(ctx, ns, name) {
		return nil
	}
	return batch(ctx, where, []string{command})
}

func linkExists(ctx context.Context, ns, name string) bool {
	return run(ctx, ns, "", "ip", "link", "show", "dev", name) == nil
}

func batch(ctx context.Context, ns string, commands []string) error {
	if err := run(ctx, ns, strings.Join(commands, "\n")+"\n", "ip", "-batch", "-"); err != nil {
		return fmt.Errorf("configuring the network %s: %w", filepath.Base(ns), err)
	}
	return nil
}

// run runs a command in a network namespace, or on the machine if none is named. Its output is in the error.
func run(ctx context.Context, ns, input string, argv ...string) error {
	line := append(daemon.Inside(ns, 0), argv...)
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Stdin = strings.NewReader(input)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("running %q: %w: %s", strings.Join(argv, " "), err, strings.TrimSpace(output.String()))
	}
	return nil
}
