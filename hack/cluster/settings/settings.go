// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package settings renders the configuration files of everything that runs in a local cluster.
package settings

import (
	"bytes"
	"embed"
	"fmt"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/quorate/quorate/hack/cluster/layout"
	"github.com/quorate/quorate/hack/cluster/pki"
)

// CNIPlugins is where Debian keeps the network plug-ins.
const CNIPlugins = "/usr/lib/cni"

//go:embed files
var files embed.FS

var templates = template.Must(template.New("settings").Option("missingkey=error").ParseFS(files, "files/*"))

// File is one configuration file.
type File struct {
	Path    string
	Content []byte
}

// Tunable is a kernel setting as kubelet wants it, and the file with that value which a node sees in its place.
type Tunable struct {
	File  string
	Path  string
	Value string
}

// Tunables are the settings of the whole machine that kubelet would change.
func Tunables(paths layout.NodePaths) []Tunable {
	var list []Tunable
	for _, setting := range []string{
		"vm/overcommit_memory=1", "vm/panic_on_oom=0", "kernel/panic=10", "kernel/panic_on_oops=1",
		"kernel/keys/root_maxkeys=1000000", "kernel/keys/root_maxbytes=25000000",
	} {
		name, value, _ := strings.Cut(setting, "=")
		list = append(list, Tunable{
			File:  filepath.Join(paths.Tunables(), strings.ReplaceAll(name, "/", ".")),
			Path:  "/proc/sys/" + name,
			Value: value,
		})
	}
	return list
}

// NodeOptions are what a node's files depend on besides the cluster.
type NodeOptions struct {
	PauseImage  string
	Snapshotter string
}

// Node renders the files of one node.
func Node(c layout.Cluster, node layout.Node, options NodeOptions) ([]File, error) {
	paths, plan, store := c.Paths().Node(node), c.Network(), pki.Store{Dir: c.Paths().PKI()}
	tunables := Tunables(paths)
	list, err := renderAll([]rendering{
		{"kubelet.yaml", paths.Etc("kubelet.yaml"), map[string]any{
			"Address": plan.NodeAddr(node), "DNS": plan.DNSService, "Cgroup": c.NodeCgroup(node),
			"ClientCA":    store.Certificate(pki.ClusterAuthority),
			"Certificate": store.Certificate(pki.NodeFile(node)), "Key": store.Key(pki.NodeFile(node)),
		}},
		{"containerd.toml", paths.Etc("containerd.toml"), map[string]any{
			"Root": paths.Containerd(), "Snapshotter": options.Snapshotter, "PauseImage": options.PauseImage,
			"CNIPlugins": CNIPlugins, "CNIConfig": paths.CNIConfig(),
		}},
		{"cni.json", filepath.Join(paths.CNIConfig(), "10-quorate.conflist"), map[string]any{
			"Pods": plan.NodePods(node),
		}},
		{"kube-proxy.yaml", paths.Etc("kube-proxy.yaml"), map[string]any{
			"Kubeconfig": c.Paths().Etc("kube-proxy.kubeconfig"), "NodeName": node.Name, "Pods": plan.Pods,
			"Address": plan.NodeAddr(node),
		}},
		{"machine.sh", paths.Etc("machine.sh"), map[string]any{
			"Run": paths.Run(), "VarLog": paths.VarLog(), "CNI": paths.CNI(), "Kubelet": paths.Kubelet(),
			"Tunables": tunables, "Ready": paths.MachineReady(),
		}},
	})
	if err != nil {
		return nil, err
	}
	for _, tunable := range tunables {
		list = append(list, File{Path: tunable.File, Content: []byte(tunable.Value + "\n")})
	}
	return list, nil
}

// ControlPlane renders the files of the control plane. Its kube-proxy, by which the API server and the machine reach
// services, takes itself for the first node's: it wants to be on a node, and on which makes no difference to it.
func ControlPlane(c layout.Cluster) ([]File, error) {
	plan := c.Network()
	return renderAll([]rendering{
		{"Corefile", c.Paths().Etc("Corefile"), map[string]any{
			"Address": plan.ControlPlane, "Kubeconfig": c.Paths().Etc("coredns.kubeconfig"),
		}},
		{"audit.yaml", c.Paths().Etc("audit.yaml"), nil},
		{"kube-proxy.yaml", c.Paths().Etc("kube-proxy.yaml"), map[string]any{
			"Kubeconfig": c.Paths().Etc("kube-proxy.kubeconfig"), "NodeName": c.NodeList()[0].Name, "Pods": plan.Pods,
			"Address": plan.ControlPlane,
		}},
	})
}

// rendering is a template, the file that it becomes, and what it says there.
type rendering struct {
	template string
	path     string
	values   map[string]any
}

func renderAll(renderings []rendering) ([]File, error) {
	list := make([]File, 0, len(renderings))
	for _, r := range renderings {
		var content bytes.Buffer
		if err := templates.ExecuteTemplate(&content, r.template, r.values); err != nil {
			return nil, fmt.Errorf("rendering %s: %w", r.path, err)
		}
		list = append(list, File{Path: r.path, Content: content.Bytes()})
	}
	return list, nil
}
