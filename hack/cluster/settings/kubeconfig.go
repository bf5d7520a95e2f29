// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package settings

import (
	"fmt"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/quorate/quorate/hack/cluster/layout"
	"github.com/quorate/quorate/hack/cluster/pki"
)

// APIServerURL is where the cluster's API is, for the machine, the nodes and the pods alike.
func APIServerURL(c layout.Cluster) string {
	return fmt.Sprintf("https://%s:6443", c.Network().ControlPlane)
}

// kubeconfigs lists who gets a kubeconfig: the file, and the holder of the certificate that is put into it.
func kubeconfigs(c layout.Cluster) map[string]string {
	paths := c.Paths()
	list := map[string]string{
		paths.Kubeconfig():                         pki.Admin,
		paths.Etc("controller-manager.kubeconfig"): pki.ControllerManager,
		paths.Etc("scheduler.kubeconfig"):          pki.Scheduler,
		paths.Etc("kube-proxy.kubeconfig"):         pki.KubeProxy,
		paths.Etc("coredns.kubeconfig"):            pki.CoreDNS,
	}
	for _, node := range c.NodeList() {
		list[paths.Node(node).Etc("kubelet.kubeconfig")] = pki.NodeFile(node)
	}
	return list
}

// Kubeconfigs renders the kubeconfigs of the administrator and of all parts of the cluster. They hold keys, hence are
// not for everybody to read.
func Kubeconfigs(c layout.Cluster, store pki.Store) ([]File, error) {
	authority, err := store.Pair(pki.ClusterAuthority)
	if err != nil {
		return nil, fmt.Errorf("rendering kubeconfigs: %w", err)
	}
	var list []File
	for path, holder := range kubeconfigs(c) {
		pair, err := store.Pair(holder)
		if err != nil {
			return nil, fmt.Errorf("rendering the kubeconfig of %s: %w", holder, err)
		}
		content, err := clientcmd.Write(kubeconfig(c, authority.Certificate, holder, pair))
		if err != nil {
			return nil, fmt.Errorf("encoding the kubeconfig of %s: %w", holder, err)
		}
		list = append(list, File{Path: path, Content: content})
	}
	return list, nil
}

func kubeconfig(c layout.Cluster, authority []byte, user string, pair pki.Pair) clientcmdapi.Config {
	return clientcmdapi.Config{
		Clusters: map[string]*clientcmdapi.Cluster{
			c.Name: {Server: APIServerURL(c), CertificateAuthorityData: authority},
		},
		AuthInfos: map[string]*clientcmdapi.AuthInfo{
			user: {ClientCertificateData: pair.Certificate, ClientKeyData: pair.Key},
		},
		Contexts:       map[string]*clientcmdapi.Context{c.Name: {Cluster: c.Name, AuthInfo: user}},
		CurrentContext: c.Name,
	}
}
