// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/pki"
	"github.com/quorate/quorate/internal/resource"
	"github.com/quorate/quorate/internal/rotation"
	"github.com/quorate/quorate/test/double/wire"

	. "github.com/quorate/quorate/test/stage"
)

var _ = Describe("The certificates of a Datastore", func() {
	It("are all made anew on request, once, and no pod is touched", func(ctx context.Context) {
		s := NewScene(ctx)
		op := s.Operate(ctx)
		d := s.Sample("db").Obj()
		Formed(ctx, d)
		ExpectRest(op.Wire)
		before, pods := authorityOf(ctx, s), s.PodUIDs(ctx, "db")

		requestRotation(ctx, d, "2026-05")
		expectRotated(ctx, s, before, "2026-05")
		ExpectObjectReconciled(ctx, d)
		ExpectRestOnce(op.Wire)
		Expect(s.PodUIDs(ctx, "db")).To(Equal(pods))
		Expect(wire.Count(op.Wire.Writes())["update secrets"]).To(Equal(8))
		Expect(World.Crashes(s.Key("db"))).To(BeEmpty())

		op.Wire.Forget()
		after := s.Versions(ctx)
		requestRotation(ctx, d, "2026-05") // the same is no other request
		Consistently(func() []wire.Write { return op.Wire.Writes() }).Should(BeEmpty())
		after["Datastore db"] = s.Versions(ctx)["Datastore db"]
		Expect(s.Versions(ctx)).To(Equal(after))
	})

	It("are not made anew for a request that was there before them", func(ctx context.Context) {
		s := NewScene(ctx)
		op := s.Operate(ctx)
		d := s.Sample("db").Obj()
		d.Annotations = map[string]string{v1alpha1.AnnotationRotateCertificates: "first"}
		Formed(ctx, d)
		before := authorityOf(ctx, s)
		ExpectRest(op.Wire)
		Expect(authorityOf(ctx, s)).To(Equal(before))
		Expect(before).NotTo(HaveKey(rotation.NextAuthorityKey))
	})

	It("wait for a member that is silent before another phase begins", func(ctx context.Context) {
		s := NewScene(ctx)
		op := s.Operate(ctx)
		d := s.Sample("db").Obj()
		Formed(ctx, d)
		ExpectRest(op.Wire)
		before, pair := authorityOf(ctx, s), holds(ctx, s, resource.ManagerSecretName("db"))[resource.CertificateKey]

		World.Silence(s.Key("db"), 2, true)
		requestRotation(ctx, d, "now")
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonRotatingCertificates, "db-2 must be heard first"))
		Consistently(func() []byte { return holds(ctx, s, resource.ManagerSecretName("db"))[resource.CertificateKey] }).Should(Equal(pair))
		Expect(holds(ctx, s, resource.MemberSecretName("db"))[resource.AuthorityKey]).To(ContainSubstring(string(before[resource.AuthorityKey])))

		World.Silence(s.Key("db"), 2, false)
		expectRotated(ctx, s, before, "now")
		ExpectObjectReconciled(ctx, d)
	})

	It("are reissued and read again when they have expired", func(ctx context.Context) {
		s := NewScene(ctx)
		op := s.Operate(ctx)
		d := s.Sample("db").Obj()
		Formed(ctx, d)
		ExpectRest(op.Wire)
		pods, before := s.PodUIDs(ctx, "db"), authorityOf(ctx, s)
		Expect(op.Stop()).To(Succeed())
		expire(ctx, s, resource.MemberSecretName("db"), func(a *pki.Authority, then time.Time) (pki.Pair, error) { return a.Member(then) })
		expire(ctx, s, resource.ManagerSecretName("db"), (*pki.Authority).Manager)

		op = s.Operate(ctx)
		Eventually(func() int { return wire.Count(op.Wire.Writes())["update secrets"] }).Should(Equal(2))
		requestRotation(ctx, d, "then") // only who hears its members can
		expectRotated(ctx, s, before, "then")
		ExpectObjectReconciled(ctx, d)
		Expect(s.PodUIDs(ctx, "db")).To(Equal(pods))
	})

	It("are not made again where one cannot be read", func(ctx context.Context) {
		s := NewScene(ctx)
		op := s.Operate(ctx)
		d := s.Sample("db").Obj()
		Formed(ctx, d)
		ExpectRest(op.Wire)
		whole := holds(ctx, s, resource.AuthoritySecretName("db"))
		fill(ctx, s, resource.AuthoritySecretName("db"), map[string][]byte{resource.AuthorityKey: []byte("?")})
		requestRotation(ctx, d, "now")
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonCredentialsLost, "Secret db-ca", "restore it"))
		fill(ctx, s, resource.AuthoritySecretName("db"), whole)
		expectRotated(ctx, s, whole, "now")
		ExpectObjectReconciled(ctx, d)
	})
})

var _ = It("An operator that dies while certificates are made anew is followed by one that goes on", func(ctx context.Context) {
	Story{Before: Formed, Act: func(ctx context.Context, d *v1alpha1.Datastore) {
		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) {
			d.Annotations = map[string]string{v1alpha1.AnnotationRotateCertificates: "now"}
			d.Spec.Storage.Retention.WhenScaled = v1alpha1.RetentionDelete // tells that the status is later than this
		})
	}}.EveryDeath(ctx, stride)
})

func requestRotation(ctx context.Context, d *v1alpha1.Datastore, value string) {
	GinkgoHelper()
	ExpectAnnotated(ctx, d, v1alpha1.AnnotationRotateCertificates, value)
}

// expectRotated waits until there is another authority, alone, for a request,
// and everybody trusts it and has a pair of it.
func expectRotated(ctx context.Context, s *Scene, before map[string][]byte, request string) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		var secret corev1.Secret
		g.Expect(s.Get(ctx, resource.AuthoritySecretName("db"), &secret)).To(Succeed())
		g.Expect(secret.Annotations).To(HaveKeyWithValue(v1alpha1.AnnotationRotateCertificates, request))
		g.Expect(secret.Data).To(HaveLen(2))
		g.Expect(secret.Data[resource.AuthorityKey]).NotTo(Equal(before[resource.AuthorityKey]))
		authority, err := pki.ReadCertificate(secret.Data[resource.AuthorityKey])
		g.Expect(err).NotTo(HaveOccurred())
		for _, name := range []string{resource.ManagerSecretName("db"), resource.MemberSecretName("db")} {
			data := holds(ctx, s, name)
			pair, err := pki.ReadCertificate(data[resource.CertificateKey])
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(pair.IssuedBy(authority)).To(BeTrue(), name)
			g.Expect(data[resource.AuthorityKey]).To(Equal(secret.Data[resource.AuthorityKey]), name)
		}
	}).Should(Succeed())
}

func authorityOf(ctx context.Context, s *Scene) map[string][]byte {
	GinkgoHelper()
	return holds(ctx, s, resource.AuthoritySecretName("db"))
}

func holds(ctx context.Context, s *Scene, name string) map[string][]byte {
	GinkgoHelper()
	var secret corev1.Secret
	Expect(s.Get(ctx, name, &secret)).To(Succeed())
	return secret.Data
}

// fill lays values over what a Secret holds.
func fill(ctx context.Context, s *Scene, name string, values map[string][]byte) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		var secret corev1.Secret
		g.Expect(s.Get(ctx, name, &secret)).To(Succeed())
		for key, value := range values {
			secret.Data[key] = value
		}
		g.Expect(API.Update(ctx, &secret)).To(Succeed())
	}).Should(Succeed())
}

// expire gives a Secret a pair of the same authority that ended a year ago.
func expire(ctx context.Context, s *Scene, name string, issue func(*pki.Authority, time.Time) (pki.Pair, error)) {
	GinkgoHelper()
	of := authorityOf(ctx, s)
	authority, err := pki.LoadAuthority(pki.Pair{Certificate: of[resource.AuthorityKey], Key: of[resource.AuthorityPrivateKey]})
	Expect(err).NotTo(HaveOccurred())
	pair, err := issue(authority, time.Now().Add(-2*pki.LeafValidity))
	Expect(err).NotTo(HaveOccurred())
	fill(ctx, s, name, map[string][]byte{resource.CertificateKey: pair.Certificate, resource.PrivateKey: pair.Key})
}
