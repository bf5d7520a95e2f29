// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"fmt"

	"github.com/quorate/quorate/hack/cluster/daemon"
	"github.com/quorate/quorate/hack/cluster/layout"
	"github.com/quorate/quorate/hack/cluster/settings"
)

// The processes of the control plane.
const (
	etcd              = "etcd"
	apiServer         = "kube-apiserver"
	controllerManager = "kube-controller-manager"
	scheduler         = "kube-scheduler"
	kubeProxy         = "kube-proxy"
	coreDNS           = "coredns"
	provisioner       = "provisioner"
)

// The processes of a node.
const (
	machine    = "machine" // holds the node's mounts, see settings/files/machine.sh.
	containerd = "containerd"
	kubelet    = "kubelet"
)

// centralProcesses and nodeProcesses list what runs when all is well.
func centralProcesses() []string {
	return []string{etcd, apiServer, controllerManager, scheduler, kubeProxy, coreDNS, provisioner}
}

func nodeProcesses() []string { return []string{machine, containerd, kubelet, kubeProxy} }

// allProcesses is what runs when all is well, by the names under which it is recorded.
func (c *Cluster) allProcesses() []string {
	all := centralProcesses()
	for _, node := range c.NodeList() {
		for _, name := range nodeProcesses() {
			all = append(all, processName(node, name))
		}
	}
	return all
}

// processName tells a node's process from the same one of other nodes.
func processName(node layout.Node, process string) string { return node.Name + "." + process }

// requiredTools are the programs that are built from source.
func requiredTools() []string {
	return []string{
		etcd, apiServer, controllerManager, scheduler, kubelet, kubeProxy, containerd, "containerd-shim-runc-v2", "ctr", coreDNS,
	}
}

// ensureProcess returns the process if it runs, and starts it if not; started says which.
func (c *Cluster) ensureProcess(spec daemon.Spec) (process daemon.Record, started bool, err error) {
	process, err = c.book().Find(spec.Name)
	if err == nil {
		return process, false, nil
	}
	if !errors.Is(err, daemon.ErrGone) {
		return daemon.Record{}, false, err
	}
	spec.Log = c.Paths().Log(spec.Name)
	process, err = c.book().Start(spec)
	if err != nil {
		return daemon.Record{}, false, fmt.Errorf("cluster %s: %w", c.Name, err)
	}
	return process, true, nil
}

// findProcesses returns all that were started. One that has ended already is an error, with the end of its log.
func (c *Cluster) findProcesses() ([]daemon.Record, error) {
	var running []daemon.Record
	for _, name := range c.allProcesses() {
		if !c.book().Has(name) {
			continue
		}
		process, err := c.book().Find(name)
		if errors.Is(err, daemon.ErrGone) {
			return nil, fmt.Errorf("%s ended soon after it was started%s", name, c.tail(name))
		}
		if err != nil {
			return nil, err
		}
		running = append(running, process)
	}
	return running, nil
}

// centralSpec is a process of the control plane, in its network namespace.
func (c *Cluster) centralSpec(name string, arguments ...string) daemon.Spec {
	return daemon.Spec{
		Name:    name,
		Argv:    append([]string{c.tools[name]}, arguments...),
		Cgroups: c.groups.Folders(c.ControlPlaneCgroup()),
		NetNS:   c.Paths().ControlPlaneNetNS(),
	}
}

// nodeSpec is a process of a node, in its network namespace; with the machine's process also in its mount namespace.
func (c *Cluster) nodeSpec(node layout.Node, mountsOf int, name string, argv ...string) daemon.Spec {
	return daemon.Spec{
		Name:     processName(node, name),
		Argv:     argv,
		Cgroups:  c.groups.Folders(c.NodeSystemCgroup(node)),
		NetNS:    c.Paths().NodeNetNS(node),
		MountsOf: mountsOf,
	}
}

// writeFiles writes configuration files. Many of them hold keys.
func writeFiles(files []settings.File) error {
	for _, file := range files {
		if err := writeFile(file.Path, file.Content, 0o600); err != nil {
			return err
		}
	}
	return nil
}
