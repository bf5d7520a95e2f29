// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package settings

import (
	"fmt"

	"github.com/quorate/quorate/hack/cluster/layout"
	"github.com/quorate/quorate/hack/cluster/pki"
)

const (
	etcdURL     = "http://127.0.0.1:2379" // of the control plane's namespace, which only its own processes are in.
	etcdPeerURL = "http://127.0.0.1:2380"
)

// EtcdReadyURL tells whether etcd serves. Nothing else of etcd can be reached from outside of the namespace.
func EtcdReadyURL(c layout.Cluster) string { return etcdHealthURL(c) + "/readyz" }

func etcdHealthURL(c layout.Cluster) string {
	return fmt.Sprintf("http://%s:2381", c.Network().ControlPlane)
}

// EtcdArguments are etcd's. What it wrote last is lost when the machine's power is.
func EtcdArguments(c layout.Cluster) []string {
	return []string{
		"--name=" + c.Name,
		"--data-dir=" + c.Paths().EtcdData(),
		"--unsafe-no-fsync",
		"--listen-client-urls=" + etcdURL,
		"--advertise-client-urls=" + etcdURL,
		"--listen-peer-urls=" + etcdPeerURL,
		"--initial-advertise-peer-urls=" + etcdPeerURL,
		"--initial-cluster=" + c.Name + "=" + etcdPeerURL,
		"--listen-metrics-urls=" + etcdHealthURL(c),
		"--log-level=warn",
	}
}

// APIServerArguments are the API server's: Node and RBAC authorization, the default admission plug-ins (PodSecurity
// among them) and NodeRestriction.
func APIServerArguments(c layout.Cluster) []string {
	plan, store := c.Network(), pki.Store{Dir: c.Paths().PKI()}
	return []string{
		"--etcd-servers=" + etcdURL,
		"--bind-address=0.0.0.0",
		"--secure-port=6443",
		"--advertise-address=" + plan.ControlPlane.String(),
		"--service-cluster-ip-range=" + plan.Services.String(),
		"--tls-cert-file=" + store.Certificate(pki.APIServer),
		"--tls-private-key-file=" + store.Key(pki.APIServer),
		"--client-ca-file=" + store.Certificate(pki.ClusterAuthority),
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--allow-privileged=true",
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + store.ServiceAccountPublicKey(),
		"--service-account-signing-key-file=" + store.ServiceAccountKey(),
		"--kubelet-certificate-authority=" + store.Certificate(pki.ClusterAuthority),
		"--kubelet-client-certificate=" + store.Certificate(pki.APIServerKubelet),
		"--kubelet-client-key=" + store.Key(pki.APIServerKubelet),
		// Nobody resolves the names of nodes.
		"--kubelet-preferred-address-types=InternalIP",
		"--requestheader-client-ca-file=" + store.Certificate(pki.FrontProxyAuthority),
		"--requestheader-allowed-names=front-proxy-client",
		"--requestheader-username-headers=X-Remote-User",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + store.Certificate(pki.FrontProxyClient),
		"--proxy-client-key-file=" + store.Key(pki.FrontProxyClient),
		"--audit-policy-file=" + c.Paths().Etc("audit.yaml"),
		"--audit-log-path=" + c.Paths().Log("audit"),
		"--audit-log-maxsize=100",
		"--audit-log-maxbackup=1",
		"--profiling=false",
	}
}

// ControllerManagerArguments are the controller manager's. A node that is silent for 16 s is not ready: less than the
// default, so that tests of lost nodes are quick. By default it also spends 4 s of a new cluster's life on holding back
// its own requests.
func ControllerManagerArguments(c layout.Cluster) []string {
	store, kubeconfig := pki.Store{Dir: c.Paths().PKI()}, c.Paths().Etc("controller-manager.kubeconfig")
	return append(sharedArguments(kubeconfig),
		"--use-service-account-credentials",
		"--service-account-private-key-file="+store.ServiceAccountKey(),
		"--root-ca-file="+store.Certificate(pki.ClusterAuthority),
		"--cluster-signing-cert-file="+store.Certificate(pki.ClusterAuthority),
		"--cluster-signing-key-file="+store.Key(pki.ClusterAuthority),
		"--cluster-name="+c.Name,
		"--node-monitor-grace-period=16s",
		"--node-monitor-period=2s",
		"--kube-api-qps=200",
		"--kube-api-burst=400",
	)
}

// SchedulerArguments are the scheduler's.
func SchedulerArguments(c layout.Cluster) []string {
	return sharedArguments(c.Paths().Etc("scheduler.kubeconfig"))
}

// sharedArguments are those of the two that stand beside the API server. There is one of each, so nothing is elected.
func sharedArguments(kubeconfig string) []string {
	return []string{
		"--kubeconfig=" + kubeconfig,
		"--authentication-kubeconfig=" + kubeconfig,
		"--authorization-kubeconfig=" + kubeconfig,
		"--bind-address=127.0.0.1",
		"--leader-elect=false",
		"--profiling=false",
	}
}

// KubeletArguments are those of a node's kubelet that have no place in its configuration file. Every node is a zone of
// its own, so that spreading over zones can be tried.
func KubeletArguments(c layout.Cluster, node layout.Node) []string {
	paths := c.Paths().Node(node)
	return []string{
		"--config=" + paths.Etc("kubelet.yaml"),
		"--kubeconfig=" + paths.Etc("kubelet.kubeconfig"),
		"--hostname-override=" + node.Name,
		"--node-ip=" + c.Network().NodeAddr(node).String(),
		fmt.Sprintf("--node-labels=topology.kubernetes.io/region=local,topology.kubernetes.io/zone=zone-%d", node.Number),
	}
}
