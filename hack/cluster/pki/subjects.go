// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package pki

import (
	"net/netip"

	"github.com/quorate/quorate/hack/cluster/layout"
)

// The authorities of a cluster. The second vouches only for the API server as it calls extension API servers.
const (
	ClusterAuthority    = "ca"
	FrontProxyAuthority = "front-proxy-ca"
)

// The holders of certificates besides the nodes.
const (
	APIServer         = "apiserver"
	APIServerKubelet  = "apiserver-kubelet-client"
	FrontProxyClient  = "front-proxy-client"
	Admin             = "admin"
	ControllerManager = "controller-manager"
	Scheduler         = "scheduler"
	KubeProxy         = "kube-proxy"
	CoreDNS           = "coredns"
)

// CoreDNSUser is the user name of CoreDNS; it has the rights that the cluster's own objects give it.
const CoreDNSUser = "quorate:coredns"

// administrators is the group that may do everything.
const administrators = "system:masters"

// holder is a certificate to be made.
type holder struct {
	file      string
	authority string
	subject   Subject
}

// NodeFile is the name of a node's certificate.
func NodeFile(node layout.Node) string { return "kubelet-" + node.Name }

// holders lists every certificate of a cluster.
func holders(c layout.Cluster) []holder {
	plan := c.Network()
	list := []holder{
		{APIServer, ClusterAuthority, Subject{
			CommonName: "kube-apiserver",
			Names: []string{
				"kubernetes", "kubernetes.default", "kubernetes.default.svc",
				"kubernetes.default.svc.cluster.local", "localhost",
			},
			Addresses: []netip.Addr{plan.ControlPlane, plan.APIService, netip.AddrFrom4([4]byte{127, 0, 0, 1})},
		}},
		{APIServerKubelet, ClusterAuthority, Subject{CommonName: "kube-apiserver-kubelet", Organization: administrators}},
		{FrontProxyClient, FrontProxyAuthority, Subject{CommonName: "front-proxy-client"}},
		{Admin, ClusterAuthority, Subject{CommonName: "kubernetes-admin", Organization: administrators}},
		{ControllerManager, ClusterAuthority, Subject{CommonName: "system:kube-controller-manager"}},
		{Scheduler, ClusterAuthority, Subject{CommonName: "system:kube-scheduler"}},
		{KubeProxy, ClusterAuthority, Subject{CommonName: "system:kube-proxy"}},
		{CoreDNS, ClusterAuthority, Subject{CommonName: CoreDNSUser}},
	}
	for _, node := range c.NodeList() {
		list = append(list, holder{NodeFile(node), ClusterAuthority, Subject{
			CommonName:   "system:node:" + node.Name,
			Organization: "system:nodes",
			Names:        []string{node.Name},
			Addresses:    []netip.Addr{plan.NodeAddr(node)},
		}})
	}
	return list
}
