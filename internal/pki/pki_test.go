// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package pki

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/agent/protocol"
)

var now = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)

func authority(t *testing.T) (*Authority, *x509.CertPool) {
	t.Helper()
	pair, err := NewAuthority("0c2a", now)
	if err != nil {
		t.Fatal(err)
	}
	a, err := LoadAuthority(pair)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pair.Certificate) {
		t.Fatal("the authority's PEM holds no certificate")
	}
	return a, pool
}

func leaf(t *testing.T, pair Pair, err error) *x509.Certificate {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tls.X509KeyPair(pair.Certificate, pair.Key); err != nil {
		t.Fatalf("certificate and key do not belong together: %v", err)
	}
	cert, err := parseCertificate(pair.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestWhatCertificatesAreGoodFor(t *testing.T) {
	a, pool := authority(t)
	_, strange := authority(t)
	managerPair, err := a.Manager(now)
	manager := leaf(t, managerPair, err)
	memberPair, err := a.Member(now, "server.dc1.consul")
	member := leaf(t, memberPair, err)

	for _, c := range []struct {
		name  string
		cert  *x509.Certificate
		roots *x509.CertPool
		dns   string
		use   x509.ExtKeyUsage
		at    time.Time
		good  bool
	}{
		{"manager calls", manager, pool, "", x509.ExtKeyUsageClientAuth, now, true},
		{"manager does not serve", manager, pool, "", x509.ExtKeyUsageServerAuth, now, false},
		{"member serves", member, pool, protocol.MemberServerName, x509.ExtKeyUsageServerAuth, now, true},
		{"member serves under a further name", member, pool, "server.dc1.consul", x509.ExtKeyUsageServerAuth, now, true},
		{"member under a name that it has not", member, pool, "other.dev", x509.ExtKeyUsageServerAuth, now, false},
		{"member calls", member, pool, "", x509.ExtKeyUsageClientAuth, now, true},
		{"another authority", member, strange, "", x509.ExtKeyUsageClientAuth, now, false},
		{"a clock half an hour behind", member, pool, "", x509.ExtKeyUsageServerAuth, now.Add(-30 * time.Minute), true},
		{"shortly before the end", member, pool, "", x509.ExtKeyUsageServerAuth, now.Add(LeafValidity - time.Minute), true},
		{"after the end", member, pool, "", x509.ExtKeyUsageServerAuth, now.Add(LeafValidity + time.Minute), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := c.cert.Verify(x509.VerifyOptions{
				Roots: c.roots, DNSName: c.dns, CurrentTime: c.at, KeyUsages: []x509.ExtKeyUsage{c.use},
			})
			if (err == nil) != c.good {
				t.Errorf("Verify says %v", err)
			}
		})
	}
	if manager.Subject.CommonName != protocol.ManagerName {
		t.Errorf("the manager is called %q", manager.Subject.CommonName)
	}
	if member.Subject.CommonName == protocol.ManagerName {
		t.Error("a member could pass for the manager")
	}
	if manager.SerialNumber.Cmp(member.SerialNumber) == 0 {
		t.Error("two certificates have one serial number")
	}
}

func TestALeafDoesNotOutliveItsAuthority(t *testing.T) {
	a, _ := authority(t)
	pair, err := a.Member(now.Add(AuthorityValidity - time.Hour))
	if cert := leaf(t, pair, err); cert.NotAfter.After(a.certificate.NotAfter) {
		t.Errorf("the leaf is good until %v, its authority until %v", cert.NotAfter, a.certificate.NotAfter)
	}
}

func TestLoadAuthorityRefuses(t *testing.T) {
	a, _ := authority(t)
	good, err := NewAuthority("one", now)
	if err != nil {
		t.Fatal(err)
	}
	other, err := NewAuthority("other", now)
	if err != nil {
		t.Fatal(err)
	}
	member, err := a.Member(now)
	if err != nil {
		t.Fatal(err)
	}
	for name, pair := range map[string]Pair{
		"nothing":          {},
		"another's key":    {Certificate: good.Certificate, Key: other.Key},
		"a leaf":           member,
		"a cut key":        {Certificate: good.Certificate, Key: good.Key[:len(good.Key)/2]},
		"key for both":     {Certificate: good.Key, Key: good.Key},
		"certificate only": {Certificate: good.Certificate},
	} {
		if _, err := LoadAuthority(pair); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if bytes.Equal(good.Key, other.Key) {
		t.Error("two authorities have one key")
	}
}

func read(t *testing.T, text []byte) Certificate {
	t.Helper()
	c, err := ReadCertificate(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDue(t *testing.T) {
	a, _ := authority(t)
	pair, err := a.Member(now)
	if err != nil {
		t.Fatal(err)
	}
	third := LeafValidity / 3
	for _, c := range []struct {
		name      string
		at        time.Time
		due, good bool
	}{
		{"fresh", now, false, true},
		{"before its time", now.Add(-2 * skew), true, false},
		{"in its middle", now.Add(LeafValidity / 2), false, true},
		{"just before its last third", now.Add(2*third - 2*skew), false, true},
		{"in its last third", now.Add(2*third + 2*skew), true, true},
		{"expired", now.Add(2 * LeafValidity), true, false},
	} {
		if got := read(t, pair.Certificate).Due(c.at); got != c.due {
			t.Errorf("%s: due %v", c.name, got)
		}
		if got := read(t, pair.Certificate).DueUnder(Certificate{a.certificate}, c.at); got != c.due {
			t.Errorf("%s: due under its authority %v", c.name, got)
		}
		if got := read(t, pair.Certificate).Good(c.at); got != c.good {
			t.Errorf("%s: good %v", c.name, got)
		}
	}
	if _, err := ReadCertificate([]byte("nothing")); err == nil {
		t.Error("no error for what is no certificate")
	}
}

// A pair that ends with its authority is not renewed over and over as the end
// comes near.
func TestAPairThatEndsWithItsAuthorityIsNotDueUnderIt(t *testing.T) {
	a, _ := authority(t)
	late := now.Add(AuthorityValidity - 24*time.Hour)
	pair, err := a.Member(late)
	if err != nil {
		t.Fatal(err)
	}
	end := now.Add(AuthorityValidity - time.Hour)
	if c := read(t, pair.Certificate); !c.Due(end) || c.DueUnder(Certificate{a.certificate}, end) {
		t.Error("another one would be no better")
	}
}

func TestIssuedByAndTrusts(t *testing.T) {
	var authorities []Pair
	for range 2 {
		pair, err := NewAuthority("one name", now)
		if err != nil {
			t.Fatal(err)
		}
		authorities = append(authorities, pair)
	}
	one, other := read(t, authorities[0].Certificate), read(t, authorities[1].Certificate)
	a, err := LoadAuthority(authorities[0])
	if err != nil {
		t.Fatal(err)
	}
	pair, err := a.Manager(now)
	if err != nil {
		t.Fatal(err)
	}
	if c := read(t, pair.Certificate); !c.IssuedBy(one) || c.IssuedBy(other) {
		t.Error("the issuer is not told by its key")
	}
	both := Bundle(authorities[0].Certificate, authorities[1].Certificate)
	if !Trusts(both, one) || !Trusts(both, other) || Trusts(authorities[0].Certificate, other) || Trusts(nil, one) || Trusts([]byte("text"), one) {
		t.Error("what a bundle trusts is what it holds")
	}
	if !bytes.Equal(Bundle(authorities[0].Certificate), authorities[0].Certificate) {
		t.Error("a bundle of one is another text")
	}
}
