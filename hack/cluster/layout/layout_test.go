// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestDefaultClusterHasTheUsualAddresses(t *testing.T) {
	plan := Cluster{Name: DefaultName, Nodes: 3}.Network()
	got := map[string]string{
		"machines": plan.Machines.String(), "pods": plan.Pods.String(), "services": plan.Services.String(),
		"control plane": plan.ControlPlane.String(), "host": plan.Host.String(),
		"api": plan.APIService.String(), "dns": plan.DNSService.String(),
	}
	want := map[string]string{
		"machines": "172.30.0.0/24", "pods": "10.244.0.0/16", "services": "10.96.0.0/16",
		"control plane": "172.30.0.1", "host": "172.30.0.254", "api": "10.96.0.1", "dns": "10.96.0.10",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestClustersShareNoAddress(t *testing.T) {
	var all []netip.Prefix
	for slot := range Slots {
		all = append(all, Cluster{Slot: slot}.Network().ranges()...)
	}
	for i, a := range all {
		for _, b := range all[i+1:] {
			if a.Overlaps(b) {
				t.Errorf("%s and %s overlap", a, b)
			}
		}
	}
}

func TestEveryAddressIsInItsRangeAndUnique(t *testing.T) {
	for slot := range Slots {
		c := Cluster{Name: "a", Slot: slot, Nodes: MaxNodes}
		plan := c.Network()
		machines := []netip.Addr{plan.ControlPlane, plan.Host}
		for _, node := range c.NodeList() {
			machines = append(machines, plan.NodeAddr(node))
			if pods := plan.NodePods(node); !plan.Pods.Overlaps(pods) || pods.Bits() != 24 {
				t.Errorf("slot %d: pods of %s are %s", slot, node.Name, pods)
			}
		}
		for _, addr := range machines {
			if !plan.Machines.Contains(addr) {
				t.Errorf("slot %d: %s is not in %s", slot, addr, plan.Machines)
			}
		}
		slices.SortFunc(machines, netip.Addr.Compare)
		if len(slices.Compact(machines)) != MaxNodes+2 {
			t.Errorf("slot %d: two machines have one address: %v", slot, machines)
		}
	}
}

func TestChooseSlot(t *testing.T) {
	route := func(s string) []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix(s)} }
	for _, test := range []struct {
		what, name string
		used       []int
		routed     []netip.Prefix
		want       int
	}{
		{"the default cluster asks for 0", DefaultName, nil, nil, 0},
		{"a used slot is passed over", DefaultName, []int{0, 1}, nil, 2},
		{"a routed machine range is passed over", DefaultName, nil, route("172.30.0.0/24"), 1},
		{"a routed pod range is passed over", DefaultName, nil, route("10.244.7.0/24"), 1},
		{"a routed service range is passed over", DefaultName, []int{1}, route("10.96.0.0/16"), 2},
		{"an unrelated route is no matter", DefaultName, nil, route("192.168.0.0/16"), 0},
	} {
		got, err := ChooseSlot(test.name, test.used, test.routed)
		if err != nil || got != test.want {
			t.Errorf("%s: got %d, %v; want %d", test.what, got, err, test.want)
		}
	}
	if slot, err := ChooseSlot("other", nil, nil); err != nil || slot == 0 {
		t.Errorf("another cluster got %d, %v: 0 is the default one's", slot, err)
	}
	if _, err := ChooseSlot("other", nil, route("10.0.0.0/8")); err == nil {
		t.Error("a slot was found on a machine that routes all of 10.0.0.0/8")
	}
}

func TestChosenSlotIsAlwaysFree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		used := rapid.SliceOfDistinct(rapid.IntRange(0, Slots-1), func(i int) int { return i }).Draw(t, "used")
		slot, err := ChooseSlot(rapid.StringMatching("[a-z]{1,20}").Draw(t, "name"), used, nil)
		if full := len(used) == Slots; full != (err != nil) {
			t.Fatalf("%d slots are used: %v", len(used), err)
		}
		if err == nil && (slices.Contains(used, slot) || slot < 0 || slot >= Slots) {
			t.Fatalf("slot %d of used %v", slot, used)
		}
	})
}

func TestValidate(t *testing.T) {
	good := Cluster{Name: "e2e-1", Nodes: 3}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for _, bad := range []Cluster{
		{Name: "", Nodes: 3},
		{Name: "Upper", Nodes: 3},
		{Name: "-a", Nodes: 3},
		{Name: "a-", Nodes: 3},
		{Name: "../a", Nodes: 3},
		{Name: "1a", Nodes: 3},
		{Name: strings.Repeat("a", 21), Nodes: 3},
		{Name: "a", Nodes: 0},
		{Name: "a", Nodes: MaxNodes + 1},
		{Name: "a", Nodes: 1, Slot: Slots},
	} {
		if bad.Validate() == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
}

func TestNodesAreFoundByNameAndNumber(t *testing.T) {
	c := Cluster{Name: "a", Nodes: 3}
	for _, query := range []string{"a-node-2", "2"} {
		if node, err := c.FindNode(query); err != nil || node != (Node{Name: "a-node-2", Number: 2}) {
			t.Errorf("%s: %v, %v", query, node, err)
		}
	}
	for _, query := range []string{"a-node-4", "0", "", "b-node-1"} {
		if node, err := c.FindNode(query); err == nil {
			t.Errorf("%q is taken for %v", query, node)
		}
	}
}

// The kernel takes paths of unix sockets up to 107 bytes.
func TestLongestSocketPathFits(t *testing.T) {
	c := Cluster{Name: strings.Repeat("a", maxNameLength), Nodes: MaxNodes}
	nodes := c.NodeList()
	if path := c.Paths().Node(nodes[MaxNodes-1]).ContainerdSocket(); len(path) > 107 {
		t.Errorf("%s has %d bytes", path, len(path))
	}
}

// The kernel takes names of links up to 15 bytes.
func TestLinkNameFits(t *testing.T) {
	if name := (Cluster{Slot: Slots - 1}).HostLink(); len(name) > 15 {
		t.Errorf("%s has %d bytes", name, len(name))
	}
}

func TestParseRoutes(t *testing.T) {
	const text = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n" +
		"eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n" +
		"eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n" +
		"quorate0\t0000600A\t01001EAC\t0003\t0\t0\t0\t0000FFFF\t0\t0\t0\n" +
		"tun0\t0000F00A\t00000000\t0001\t0\t0\t0\t0000F0FF\t0\t0\t0\n"
	got, err := ParseRoutes(text, func(link string) bool { return link == "quorate0" })
	if err != nil {
		t.Fatal(err)
	}
	want := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("10.240.0.0/12")}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if _, err := ParseRoutes("head\neth0 x y z 0 0 0 00FFFFFF 0 0 0", func(string) bool { return false }); err == nil {
		t.Error("a line without numbers is accepted")
	}
}
