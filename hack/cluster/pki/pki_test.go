// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package pki

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/quorate/quorate/hack/cluster/layout"
)

var cluster = layout.Cluster{Name: "a", Nodes: 2}

func ensured(t *testing.T) Store {
	t.Helper()
	store := Store{Dir: t.TempDir()}
	if err := store.Ensure(cluster, time.Now()); err != nil {
		t.Fatal(err)
	}
	return store
}

func load(t *testing.T, store Store, name string) *x509.Certificate {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(store.Certificate(name), store.Key(name))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return pair.Leaf
}

func verify(certificate, authority *x509.Certificate, usage x509.ExtKeyUsage, name string) error {
	roots := x509.NewCertPool()
	roots.AddCert(authority)
	_, err := certificate.Verify(x509.VerifyOptions{Roots: roots, DNSName: name, KeyUsages: []x509.ExtKeyUsage{usage}})
	return err
}

func TestEveryHolderIsVouchedForByItsAuthorityOnly(t *testing.T) {
	store := ensured(t)
	for _, h := range holders(cluster) {
		certificate := load(t, store, h.file)
		if err := verify(certificate, load(t, store, h.authority), x509.ExtKeyUsageClientAuth, ""); err != nil {
			t.Errorf("%s as a client: %v", h.file, err)
		}
		other := ClusterAuthority
		if h.authority == ClusterAuthority {
			other = FrontProxyAuthority
		}
		if verify(certificate, load(t, store, other), x509.ExtKeyUsageClientAuth, "") == nil {
			t.Errorf("%s is vouched for by %s, too", h.file, other)
		}
	}
}

func TestServersServeUnderAllTheirNames(t *testing.T) {
	store := ensured(t)
	authority := load(t, store, ClusterAuthority)
	plan := cluster.Network()
	for holder, names := range map[string][]string{
		APIServer: {
			plan.ControlPlane.String(), plan.APIService.String(), "127.0.0.1", "localhost", "kubernetes.default.svc",
			"kubernetes.default.svc.cluster.local",
		},
		NodeFile(cluster.NodeList()[1]): {"a-node-2", plan.NodeAddr(cluster.NodeList()[1]).String()},
	} {
		certificate := load(t, store, holder)
		for _, name := range names {
			if err := verify(certificate, authority, x509.ExtKeyUsageServerAuth, name); err != nil {
				t.Errorf("%s as %s: %v", holder, name, err)
			}
		}
		if verify(certificate, authority, x509.ExtKeyUsageServerAuth, "192.0.2.1") == nil {
			t.Errorf("%s serves as somebody else", holder)
		}
	}
	for _, holder := range []string{Admin, Scheduler, KubeProxy, CoreDNS} {
		if verify(load(t, store, holder), authority, x509.ExtKeyUsageServerAuth, "") == nil {
			t.Errorf("%s, a client, may serve", holder)
		}
	}
}

func TestNodesAreInTheGroupThatTheNodeAuthorizerKnows(t *testing.T) {
	subject := load(t, ensured(t), NodeFile(cluster.NodeList()[0])).Subject
	if subject.CommonName != "system:node:a-node-1" || !slices.Equal(subject.Organization, []string{"system:nodes"}) {
		t.Errorf("the first node is %v", subject)
	}
}

func TestOnlyTheAdministratorAndTheAPIServerMayDoEverything(t *testing.T) {
	for _, h := range holders(cluster) {
		mighty := h.subject.Organization == administrators
		if want := h.file == Admin || h.file == APIServerKubelet; mighty != want {
			t.Errorf("%s is in %s: %v", h.file, administrators, mighty)
		}
	}
}

func TestGrowingKeepsWhatIsThere(t *testing.T) {
	store := ensured(t)
	before := load(t, store, NodeFile(cluster.NodeList()[0]))
	grown := layout.Cluster{Name: "a", Nodes: 3}
	if err := store.Ensure(grown, time.Now()); err != nil {
		t.Fatal(err)
	}
	if after := load(t, store, NodeFile(cluster.NodeList()[0])); !after.Equal(before) {
		t.Error("the first node got another certificate")
	}
	third := load(t, store, NodeFile(grown.NodeList()[2]))
	if err := verify(third, load(t, store, ClusterAuthority), x509.ExtKeyUsageServerAuth, "a-node-3"); err != nil {
		t.Errorf("the new node under the old authority: %v", err)
	}
	if ip := grown.Network().NodeAddr(grown.NodeList()[2]); !third.IPAddresses[0].Equal(net.IP(ip.AsSlice())) {
		t.Errorf("the new node serves under %v", third.IPAddresses)
	}
}

func TestAPairCutShortIsMadeAgain(t *testing.T) {
	store := ensured(t)
	if err := os.Remove(store.Certificate(Admin)); err != nil {
		t.Fatal(err)
	}
	if err := store.Ensure(cluster, time.Now()); err != nil {
		t.Fatal(err)
	}
	load(t, store, Admin) // fails unless key and certificate belong together.
}

func TestKeysAreNotForEverybody(t *testing.T) {
	store := ensured(t)
	for _, path := range []string{store.Key(ClusterAuthority), store.Key(Admin), store.ServiceAccountKey()} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v (%v)", path, info.Mode(), err)
		}
	}
}
