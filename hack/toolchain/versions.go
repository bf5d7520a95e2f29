// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package toolchain

import (
	"fmt"
	"slices"
	"strings"
)

// The versions of everything that is built, in this one place. A module's version is also the tool's version in the
// cache, so that a change here builds the new one beside the old.
const (
	kubernetesVersion    = "v1.36.3"
	kubernetesStaging    = "v0.36.3" // the published form of the modules that Kubernetes keeps under staging/.
	etcdVersion          = "v3.7.3"
	containerdVersion    = "v2.4.2"
	corednsVersion       = "v1.14.0"
	kwokVersion          = "v0.8.0"
	consulVersion        = "v1.22.3"
	consulOldVersion     = "v1.21.5" // where upgrades start from; see consulOverrides.
	helmVersion          = "v4.3.1"
	controllerGenVersion = "v0.23.0"
	golangciLintVersion  = "v2.15.0"
	govulncheckVersion   = "v1.8.0" // the newest whose dependencies are all published.
)

// tool says how one program is built from the Go module proxy.
type tool struct {
	name    string
	version string   // of the module, with its v.
	module  string   // module path.
	pkg     string   // main package below the module; empty for its root.
	stamps  []string // linker assignments "importpath.name=value" that tell the program its version.
	staging string   // version that stands for modules which upstream requires at v0.0.0 and replaces by a folder.
	// overrides are versions of modules that stand for the ones upstream requires.
	overrides map[string]string
	install   bool // built by "go install", since upstream's go.mod has no replacements.
}

// key names a tool and its version the way users write it.
func (t tool) key() string { return t.name + "@" + t.version }

// importPath is the main package to build.
func (t tool) importPath() string {
	if t.pkg == "" {
		return t.module
	}
	return t.module + "/" + t.pkg
}

// catalogue lists every tool; where a name occurs twice, the first is the one meant by the bare name.
func catalogue() []tool {
	tools := make([]tool, 0, 20)
	for _, name := range []string{
		"kube-apiserver", "kubectl", "kubelet", "kube-controller-manager", "kube-scheduler", "kube-proxy",
	} {
		tools = append(tools, kubernetesTool(name))
	}
	for _, name := range []string{"containerd", "containerd-shim-runc-v2", "ctr"} {
		tools = append(tools, containerdTool(name))
	}
	return append(tools,
		tool{name: "etcd", version: etcdVersion, module: "go.etcd.io/etcd/server/v3"},
		tool{name: "coredns", version: corednsVersion, module: "github.com/coredns/coredns"},
		consulTool(consulVersion),
		consulTool(consulOldVersion),
		tool{name: "kwok", version: kwokVersion, module: "sigs.k8s.io/kwok", pkg: "cmd/kwok"},
		tool{name: "helm", version: helmVersion, module: "helm.sh/helm/v4", pkg: "cmd/helm", stamps: []string{
			"helm.sh/helm/v4/internal/version.version=" + helmVersion,
		}},
		tool{name: "controller-gen", version: controllerGenVersion, install: true,
			module: "sigs.k8s.io/controller-tools", pkg: "cmd/controller-gen"},
		tool{name: "golangci-lint", version: golangciLintVersion, install: true,
			module: "github.com/golangci/golangci-lint/v2", pkg: "cmd/golangci-lint"},
		tool{name: "govulncheck", version: govulncheckVersion, install: true,
			module: "golang.org/x/vuln", pkg: "cmd/govulncheck"},
	)
}

// kubernetesTool is one program of Kubernetes. Without the stamps kubelet and clients would report v0.0.0.
func kubernetesTool(name string) tool {
	major, minor, _ := strings.Cut(strings.TrimPrefix(kubernetesVersion, "v"), ".")
	minor, _, _ = strings.Cut(minor, ".")
	const pkg = "k8s.io/component-base/version."
	return tool{
		name: name, version: kubernetesVersion, module: "k8s.io/kubernetes", pkg: "cmd/" + name,
		staging: kubernetesStaging,
		stamps: []string{
			pkg + "gitVersion=" + kubernetesVersion,
			pkg + "gitMajor=" + major,
			pkg + "gitMinor=" + minor,
		},
	}
}

func containerdTool(name string) tool {
	const module = "github.com/containerd/containerd/v2"
	return tool{
		name: name, version: containerdVersion, module: module, pkg: "cmd/" + name,
		stamps: []string{module + "/version.Version=" + containerdVersion},
	}
}

// consulTool needs no stamp: the module embeds the number of a release without a suffix.
func consulTool(version string) tool {
	t := tool{name: "consul", version: version, module: "github.com/hashicorp/consul"}
	if version == consulOldVersion {
		t.overrides = consulOverrides()
	}
	return t
}

// consulOverrides are needed because three of the modules that Consul 1.21.5 requires are not to be had with a
// checksum at the versions it names (0.8.4, 0.6.5 and 0.7.6). In their place are those that 1.21.4 was released with or,
// for what only the configuration of proxies and a command for people use, 1.22.3. The result is 1.21.5's server, but
// not what was released under that number: enough to start an upgrade from, not to judge that release by.
func consulOverrides() map[string]string {
	const module = "github.com/hashicorp/consul/"
	return map[string]string{
		module + "envoyextensions": "v0.9.2",
		module + "proto-public":    "v0.6.2",
		module + "troubleshoot":    "v0.8.3",
	}
}

// Versions returns the versions of a tool that are known, with their v; the first is the one meant by the bare name. It
// is empty for an unknown name.
func Versions(name string) []string {
	var versions []string
	for _, t := range catalogue() {
		if t.name == name {
			versions = append(versions, t.version)
		}
	}
	return versions
}

// find returns the tool that a user means by "name" or "name@version"; the version may lack its v.
func find(query string) (tool, error) {
	name, version, versioned := strings.Cut(query, "@")
	version = "v" + strings.TrimPrefix(version, "v")
	all := catalogue()
	i := slices.IndexFunc(all, func(t tool) bool {
		return t.name == name && (!versioned || t.version == version)
	})
	if i < 0 {
		known := make([]string, 0, len(all))
		for _, t := range all {
			known = append(known, t.key())
		}
		slices.Sort(known)
		return tool{}, fmt.Errorf("no tool is called %q; known are %s", query, strings.Join(known, ", "))
	}
	return all[i], nil
}

// findAll is find for several names, in order and without repetitions.
func findAll(names []string) ([]tool, error) {
	tools := make([]tool, 0, len(names))
	seen := make(map[string]bool, len(names))
	for _, name := range names {
		t, err := find(name)
		if err != nil {
			return nil, err
		}
		if !seen[t.key()] {
			seen[t.key()] = true
			tools = append(tools, t)
		}
	}
	return tools, nil
}
