// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package settings

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/quorate/quorate/hack/cluster/layout"
	"github.com/quorate/quorate/hack/cluster/pki"
)

var two = layout.Cluster{Name: "a", Slot: 1, Nodes: 2}

func node(t *testing.T) map[string]string {
	t.Helper()
	files, err := Node(two, two.NodeList()[1], NodeOptions{PauseImage: "pause:1", Snapshotter: "overlayfs"})
	return byName(t, files, err)
}

func byName(t *testing.T, files []File, err error) map[string]string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	named := make(map[string]string, len(files))
	for _, file := range files {
		named[filepath.Base(file.Path)] = string(file.Content)
	}
	if len(named) != len(files) {
		t.Fatalf("two of %d files have one name", len(files))
	}
	return named
}

func object(t *testing.T, text string) map[string]any {
	t.Helper()
	var value map[string]any
	if err := yaml.UnmarshalStrict([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	return value
}

func TestKubelet(t *testing.T) {
	config := object(t, node(t)["kubelet.yaml"])
	for field, want := range map[string]any{
		"address":                  "172.30.1.12",
		"cgroupRoot":               "/quorate/a/a-node-2",
		"cgroupDriver":             "cgroupfs",
		"failCgroupV1":             false,
		"resolvConf":               "",
		"nodeLeaseDurationSeconds": float64(16),
	} {
		if got := config[field]; got != want {
			t.Errorf("%s is %v, not %v", field, got, want)
		}
	}
	if dns, ok := config["clusterDNS"].([]any); !ok || len(dns) != 1 || dns[0] != "10.97.0.10" {
		t.Errorf("clusterDNS is %v", config["clusterDNS"])
	}
}

func TestKubeProxiesMasqueradeWhoIsNotAPod(t *testing.T) {
	central, err := ControlPlane(two)
	for who, text := range map[string]string{
		"the node's":          node(t)["kube-proxy.yaml"],
		"the control plane's": byName(t, central, err)["kube-proxy.yaml"],
	} {
		config := object(t, text)
		if config["detectLocalMode"] != "ClusterCIDR" || config["clusterCIDR"] != "10.243.0.0/16" {
			t.Errorf("%s: %v of %v", who, config["detectLocalMode"], config["clusterCIDR"])
		}
	}
}

func TestPodsGetAddressesOfTheirNodeAndReachThemselves(t *testing.T) {
	var config struct {
		Plugins []struct {
			Type        string
			HairpinMode bool
			IPAM        struct{ Ranges [][]struct{ Subnet string } }
		}
	}
	if err := json.Unmarshal([]byte(node(t)["10-quorate.conflist"]), &config); err != nil {
		t.Fatal(err)
	}
	bridge := config.Plugins[0]
	if bridge.Type != "bridge" || !bridge.HairpinMode || bridge.IPAM.Ranges[0][0].Subnet != "10.243.2.0/24" {
		t.Errorf("got %+v", bridge)
	}
}

func TestContainerd(t *testing.T) {
	text := node(t)["containerd.toml"]
	for _, want := range []string{
		`root = "/var/lib/quorate/a/nodes/a-node-2/containerd"`, `sandbox = "pause:1"`, `snapshotter = "overlayfs"`,
		`restrict_oom_score_adj = true`, `conf_dir = "/var/lib/quorate/a/nodes/a-node-2/etc/cni"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not in\n%s", want, text)
		}
	}
}

func TestEveryTunableIsWrittenAndMounted(t *testing.T) {
	files := node(t)
	tunables := Tunables(two.Paths().Node(two.NodeList()[1]))
	if len(tunables) != 6 {
		t.Errorf("%d tunables", len(tunables))
	}
	for _, tunable := range tunables {
		if got := files[filepath.Base(tunable.File)]; got != tunable.Value+"\n" {
			t.Errorf("%s holds %q", tunable.File, got)
		}
		if line := "mount --bind " + tunable.File + " " + tunable.Path + "\n"; !strings.Contains(files["machine.sh"], line) {
			t.Errorf("machine.sh lacks %q", line)
		}
	}
}

func TestKubeconfigsAreOfTheirHolders(t *testing.T) {
	store := pki.Store{Dir: t.TempDir()}
	if err := store.Ensure(two, time.Now()); err != nil {
		t.Fatal(err)
	}
	files, err := Kubeconfigs(two, store)
	if err != nil || len(files) != 5+two.Nodes {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		config, err := clientcmd.RESTConfigFromKubeConfig(file.Content)
		if err != nil {
			t.Fatalf("%s: %v", file.Path, err)
		}
		pair, err := store.Pair(kubeconfigs(two)[file.Path])
		if err != nil {
			t.Fatal(err)
		}
		if config.Host != "https://172.30.1.1:6443" || !slices.Equal(config.CertData, pair.Certificate) {
			t.Errorf("%s: at %s, with the certificate of another", file.Path, config.Host)
		}
	}
}

func TestArgumentsNameNoOtherCluster(t *testing.T) {
	all := slices.Concat(EtcdArguments(two), APIServerArguments(two), ControllerManagerArguments(two),
		SchedulerArguments(two), KubeletArguments(two, two.NodeList()[0]))
	for _, argument := range all {
		if strings.Contains(argument, layout.Root) && !strings.Contains(argument, layout.Root+"/a/") {
			t.Error(argument)
		}
	}
	if !slices.Contains(APIServerArguments(two), "--service-cluster-ip-range=10.97.0.0/16") {
		t.Error("the API server gives out other addresses")
	}
}
