// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package network

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quorate/quorate/hack/cluster/layout"
)

var two = layout.Cluster{Name: "a", Slot: 1, Nodes: 2}

func TestHost(t *testing.T) {
	if got, want := hostLinkCommand(two),
		"link add quorate1 type veth peer name host netns /var/lib/quorate/a/netns/control-plane"; got != want {
		t.Errorf("got %q", got)
	}
	want := []string{
		"addr replace 172.30.1.254/24 dev quorate1",
		"link set quorate1 up",
		"route replace 10.97.0.0/16 via 172.30.1.1",
		"route replace 10.243.1.0/24 via 172.30.1.11",
		"route replace 10.243.2.0/24 via 172.30.1.12",
	}
	if diff := cmp.Diff(want, hostSettings(two)); diff != "" {
		t.Error(diff)
	}
}

func TestMachinesKeepTheirHardwareAddresses(t *testing.T) {
	if got, want := controlPlaneLink(two), "link add br0 address 02:71:75:6f:01:00 type bridge"; got != want {
		t.Errorf("got %q", got)
	}
	if got, want := nodeLinkCommand(two, two.NodeList()[1]), "link add node-2 type veth peer name eth0 "+
		"address 02:71:75:6f:01:02 netns /var/lib/quorate/a/netns/a-node-2"; got != want {
		t.Errorf("got %q", got)
	}
}

func TestNodeRoutesToThePodsOfOthersOnly(t *testing.T) {
	want := []string{
		"link set lo up",
		"addr replace 172.30.1.12/24 dev eth0",
		"link set eth0 up",
		"route replace 10.97.0.0/16 via 172.30.1.1",
		"route replace 10.243.1.0/24 via 172.30.1.11",
	}
	if diff := cmp.Diff(want, nodeSettings(two, two.NodeList()[1])); diff != "" {
		t.Error(diff)
	}
}

func TestNothingHasADefaultRoute(t *testing.T) {
	all := slices.Concat(hostSettings(two), controlPlaneSettings(two), nodeSettings(two, two.NodeList()[0]))
	for _, line := range all {
		if strings.Contains(line, "default") || strings.Contains(line, "0.0.0.0/0") {
			t.Errorf("%q", line)
		}
	}
}
