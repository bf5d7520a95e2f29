// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"fmt"
	"hash/fnv"
	"net/netip"
)

// Slots is the number of clusters that can be on one machine at the same time.
const Slots = 16

// Network is the address plan of a cluster. Slot S has the machines in 172.30.S.0/24, the pods in 10.(244-S).0.0/16 and
// the services in 10.(96+S).0.0/16, so that clusters never share an address and one host can reach them all.
type Network struct {
	Machines     netip.Prefix
	Pods         netip.Prefix
	Services     netip.Prefix
	ControlPlane netip.Addr // the API server and DNS, outside of the nodes.
	Host         netip.Addr // the machine that the cluster runs on.
	APIService   netip.Addr // ClusterIP of the service "kubernetes".
	DNSService   netip.Addr // ClusterIP of the service "kube-dns".
}

// Network returns the cluster's address plan.
func (c Cluster) Network() Network {
	slot := byte(c.Slot)
	return Network{
		Machines:     netip.PrefixFrom(netip.AddrFrom4([4]byte{172, 30, slot, 0}), 24),
		Pods:         netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 244 - slot, 0, 0}), 16),
		Services:     netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 96 + slot, 0, 0}), 16),
		ControlPlane: netip.AddrFrom4([4]byte{172, 30, slot, 1}),
		Host:         netip.AddrFrom4([4]byte{172, 30, slot, 254}),
		APIService:   netip.AddrFrom4([4]byte{10, 96 + slot, 0, 1}),
		DNSService:   netip.AddrFrom4([4]byte{10, 96 + slot, 0, 10}),
	}
}

// NodeAddr is the address of a node among the machines.
func (n Network) NodeAddr(node Node) netip.Addr {
	base := n.Machines.Addr().As4()
	base[3] = byte(10 + node.Number)
	return netip.AddrFrom4(base)
}

// ControlPlaneMAC is the hardware address that goes with ControlPlane. It is given, since a bridge otherwise takes that of
// one of its ports, and another when the port goes away with its node.
func (n Network) ControlPlaneMAC() string { return n.mac(0) }

// NodeMAC is the hardware address that goes with NodeAddr. A node that was off keeps it, as a machine does: the others
// would look for the old one for a while.
func (n Network) NodeMAC(node Node) string { return n.mac(node.Number) }

// mac is an address that is locally administered, hence nobody else's.
func (n Network) mac(number int) string {
	return fmt.Sprintf("02:71:75:6f:%02x:%02x", n.Machines.Addr().As4()[2], number)
}

// NodePods is the part of the pod range whose addresses a node gives to its pods.
func (n Network) NodePods(node Node) netip.Prefix {
	base := n.Pods.Addr().As4()
	base[2] = byte(node.Number)
	return netip.PrefixFrom(netip.AddrFrom4(base), 24)
}

// ranges are all the addresses of the plan.
func (n Network) ranges() []netip.Prefix { return []netip.Prefix{n.Machines, n.Pods, n.Services} }

// HostLink is the name of the interface that joins the machine to the cluster.
func (c Cluster) HostLink() string { return fmt.Sprintf("quorate%d", c.Slot) }

// ChooseSlot picks a cluster's slot: the one its name asks for if that is free, else the next free one. Not free are
// the slots of other clusters, and those whose addresses the machine already routes to somewhere else.
func ChooseSlot(name string, used []int, routed []netip.Prefix) (int, error) {
	busy := make(map[int]bool, len(used))
	for _, slot := range used {
		busy[slot] = true
	}
	first := preferredSlot(name)
	for i := range Slots {
		slot := (first + i) % Slots
		if !busy[slot] && !overlaps(Cluster{Slot: slot}.Network(), routed) {
			return slot, nil
		}
	}
	return 0, fmt.Errorf("no address range is free for cluster %s: %d clusters exist, and the machine's own routes "+
		"take what is left of 172.30.0.0/20, 10.229.0.0/16 to 10.244.0.0/16 and 10.96.0.0/12", name, len(used))
}

func preferredSlot(name string) int {
	if name == DefaultName {
		return 0
	}
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(name)) // a hash accepts every write.
	return 1 + int(hash.Sum32()%(Slots-1))
}

func overlaps(n Network, routed []netip.Prefix) bool {
	for _, route := range routed {
		for _, own := range n.ranges() {
			if route.Overlaps(own) {
				return true
			}
		}
	}
	return false
}
