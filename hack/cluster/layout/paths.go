// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package layout

import "path/filepath"

// Root holds the state of every cluster on the machine. It is fixed, since two roots would not know of each other's
// address ranges, and short, since unix sockets live below it.
const Root = "/var/lib/quorate"

// Paths are the files of one cluster.
type Paths struct {
	// Dir holds everything; "down" removes it.
	Dir string
}

// Paths returns where the cluster's files are.
func (c Cluster) Paths() Paths { return Paths{Dir: filepath.Join(Root, c.Name)} }

// Record is the file that says what the cluster is. It is written before anything else is made.
func (p Paths) Record() string { return filepath.Join(p.Dir, "cluster.json") }

// Kubeconfig is the administrator's.
func (p Paths) Kubeconfig() string { return filepath.Join(p.Dir, "kubeconfig") }

// PKI is the folder of keys and certificates.
func (p Paths) PKI() string { return filepath.Join(p.Dir, "pki") }

// Etc is a settings file of the control plane.
func (p Paths) Etc(file string) string { return filepath.Join(p.Dir, "etc", file) }

// Log is the output of a process.
func (p Paths) Log(process string) string { return filepath.Join(p.Dir, "log", process+".log") }

// PIDs is the folder with a record of each process.
func (p Paths) PIDs() string { return filepath.Join(p.Dir, "pid") }

// EtcdData is etcd's.
func (p Paths) EtcdData() string { return filepath.Join(p.Dir, "etcd") }

// Programs is the folder of programs that must outlive the one that started them.
func (p Paths) Programs() string { return filepath.Join(p.Dir, "bin") }

// Volumes holds what the provisioner makes, a folder a node. It is seen under this path by every node as well.
func (p Paths) Volumes() string { return filepath.Join(p.Dir, "volumes") }

// NetNSDir is the folder of the pinned network namespaces.
func (p Paths) NetNSDir() string { return filepath.Join(p.Dir, "netns") }

// ControlPlaneNetNS is the control plane's network namespace, in which the bridge between the machines is, too.
func (p Paths) ControlPlaneNetNS() string { return filepath.Join(p.NetNSDir(), "control-plane") }

// NodeNetNS is the network namespace of a node.
func (p Paths) NodeNetNS(n Node) string { return filepath.Join(p.NetNSDir(), n.Name) }

// Node is where a node's files are.
func (p Paths) Node(n Node) NodePaths { return NodePaths{Dir: filepath.Join(p.Dir, "nodes", n.Name)} }

// NodePaths are the files of one node, which has a mount namespace of its own: some folders lie over the machine's own
// of the same purpose there.
type NodePaths struct {
	Dir string
}

// Run lies over /run. It is emptied when the node has been off.
func (p NodePaths) Run() string { return filepath.Join(p.Dir, "run") }

// VarLog lies over /var/log.
func (p NodePaths) VarLog() string { return filepath.Join(p.Dir, "log") }

// Kubelet lies over /var/lib/kubelet.
func (p NodePaths) Kubelet() string { return filepath.Join(p.Dir, "kubelet") }

// CNI lies over /var/lib/cni.
func (p NodePaths) CNI() string { return filepath.Join(p.Dir, "cni") }

// Containerd holds the images and the containers' file systems.
func (p NodePaths) Containerd() string { return filepath.Join(p.Dir, "containerd") }

// ContainerdSocket is containerd's, as seen from outside of the node. From inside it is below /run.
func (p NodePaths) ContainerdSocket() string {
	return filepath.Join(p.Run(), "containerd", "containerd.sock")
}

// MachineReady is a file that appears when the node's mounts are made.
func (p NodePaths) MachineReady() string { return filepath.Join(p.Run(), "machine-ready") }

// Tunables is a folder of files that lie over kernel settings.
func (p NodePaths) Tunables() string { return filepath.Join(p.Dir, "sys") }

// Etc is a settings file of the node.
func (p NodePaths) Etc(file string) string { return filepath.Join(p.Dir, "etc", file) }

// CNIConfig is the folder of network configurations.
func (p NodePaths) CNIConfig() string { return p.Etc("cni") }
