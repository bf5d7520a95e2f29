// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/resource"
	"github.com/quorate/quorate/test/double/wire"

	. "github.com/quorate/quorate/test/stage"
)

// handmade applies the set of the tutorial: a headless Service and a StatefulSet of
// three with claims. Its pods are made by the double and said to be ready here; nothing
// of it has our labels.
func handmade(ctx context.Context, s *Scene, change ...func(*appsv1.StatefulSet)) *appsv1.StatefulSet {
	GinkgoHelper()
	labels := map[string]string{"app": "db"}
	set := &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "db"},
		Spec: appsv1.StatefulSetSpec{
			Replicas: ptr.To[int32](3), ServiceName: "db", Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{
				Name: "db", Image: "mongo:8.0", Command: []string{"mongod", "--replSet", "rs0", "--bind_ip_all"},
				VolumeMounts: []corev1.VolumeMount{{Name: "mongo-data", MountPath: "/data/db"}},
			}}}},
			VolumeClaimTemplates: []corev1.PersistentVolumeClaim{{ObjectMeta: metav1.ObjectMeta{Name: "mongo-data"}, Spec: corev1.PersistentVolumeClaimSpec{
				AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
				Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: apiresource.MustParse("2Gi")}},
			}}},
		},
	}
	for _, c := range change {
		c(set)
	}
	ExpectApplied(ctx, set, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "db"},
		Spec: corev1.ServiceSpec{
			ClusterIP: corev1.ClusterIPNone, PublishNotReadyAddresses: true, Selector: labels, Ports: []corev1.ServicePort{{Port: 27017}},
		},
	})
	for i := range 3 {
		Eventually(func(g Gomega) {
			var pod corev1.Pod
			g.Expect(s.Get(ctx, fmt.Sprintf("db-%d", i), &pod)).To(Succeed())
			pod.Status.PodIP = fmt.Sprintf("10.99.0.%d", i+1)
			pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
			g.Expect(API.Status().Update(ctx, &pod)).To(Succeed())
			var claim corev1.PersistentVolumeClaim
			g.Expect(s.Get(ctx, fmt.Sprintf("mongo-data-db-%d", i), &claim)).To(Succeed())
			claim.Status.Phase = corev1.ClaimBound
			g.Expect(API.Status().Update(ctx, &claim)).To(Succeed())
		}).Should(Succeed())
	}
	Expect(s.Get(ctx, "db", set)).To(Succeed())
	return set
}

// adopting is a Datastore that adopts it.
func adopting(s *Scene) *v1alpha1.Datastore {
	d := s.Sample("db").Replicas(3).StorageSize("2Gi").Obj()
	d.Spec.Engine, d.Spec.Version = v1alpha1.EngineMongoDB, "8.0"
	d.Spec.Pod.Labels = map[string]string{"app": "db"}
	d.Spec.Adopt = &v1alpha1.Adopt{ClaimTemplate: "mongo-data", SetName: "rs0", Authentication: v1alpha1.AuthenticationNone}
	return d
}

func agreeToAdoption(ctx context.Context, s *Scene) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		var set appsv1.StatefulSet
		g.Expect(s.Get(ctx, "db", &set)).To(Succeed())
		metav1.SetMetaDataAnnotation(&set.ObjectMeta, v1alpha1.AnnotationAdoptableBy, "db")
		g.Expect(API.Update(ctx, &set)).To(Succeed())
	}).Should(Succeed())
}

// uidsOf are those of pods and claims.
func uidsOf(ctx context.Context, s *Scene) map[string]types.UID {
	GinkgoHelper()
	out := map[string]types.UID{}
	for _, o := range s.Objects(ctx) {
		if kind := o.GetObjectKind().GroupVersionKind().Kind; kind == "Pod" || kind == "PersistentVolumeClaim" {
			out[kind+" "+o.GetName()] = o.GetUID()
		}
	}
	return out
}

// expectTakenOver waits until the StatefulSet is ours and the first pod was made anew,
// and holds that nothing else was.
func expectTakenOver(ctx context.Context, s *Scene, d *v1alpha1.Datastore, before map[string]types.UID) {
	GinkgoHelper()
	Eventually(func(g Gomega) {
		var set appsv1.StatefulSet
		g.Expect(s.Get(ctx, "db", &set)).To(Succeed())
		ours, why := resource.Owned(&set, d)
		g.Expect(ours).To(BeTrue(), why)
		g.Expect(*set.Spec.Replicas).To(BeEquivalentTo(3))
		now := uidsOf(ctx, s)
		g.Expect(slices.Sorted(maps.Keys(now))).To(Equal(slices.Sorted(maps.Keys(before))))
		for what, uid := range before {
			if what == "Pod db-2" {
				g.Expect(now[what]).NotTo(Equal(uid))
			} else {
				g.Expect(now[what]).To(Equal(uid), what)
			}
		}
		var pod corev1.Pod
		g.Expect(s.Get(ctx, "db-2", &pod)).To(Succeed())
		g.Expect(metav1.IsControlledBy(&pod, &set)).To(BeTrue())
		g.Expect(pod.Spec.InitContainers).NotTo(BeEmpty())
	}).Should(Succeed(), func() string {
		_ = s.Get(ctx, "db", d)
		return StatusText(d)
	})
	ExpectDatastore(ctx, d,
		Has(v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonAdopting),
		Has(v1alpha1.ConditionFormed, metav1.ConditionTrue, v1alpha1.ReasonFormed))
}

var _ = Describe("A set that was made by hand", func() {
	It("is left as it is until its owner and the user agree", func(ctx context.Context) {
		s := NewScene(ctx)
		handmade(ctx, s)
		d := adopting(s)
		d.Spec.Replicas, d.Spec.Pod.Labels = ptr.To[int32](5), nil
		ExpectApplied(ctx, d)
		op := s.Operate(ctx)
		ExpectDatastore(ctx, d,
			Has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonAdoptionRefused,
				"(1) its owner has not agreed", "(2) it has 3 replicas: set spec.replicas to 3", "(3) its Service db selects pods with app=db"),
			Has(v1alpha1.ConditionFormed, metav1.ConditionFalse, v1alpha1.ReasonNotFormed))
		agreeToAdoption(ctx, s)
		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) {
			d.Spec.Replicas, d.Spec.Pod.Labels = ptr.To[int32](3), map[string]string{"app": "db"}
		})
		var set appsv1.StatefulSet
		Expect(s.Get(ctx, "db", &set)).To(Succeed())
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonAdoptionPlanned, "approve=adopt:db:"+string(set.UID)))
		Expect(d.Status.Plan.Action + " " + d.Status.Plan.BlockedBy).To(Equal("Adopt consent"))
		By("having written nothing but the status")
		ExpectRestOnce(op.Wire)
		for what := range wire.Count(op.Wire.Writes()) {
			Expect(what).To(Or(ContainSubstring("datastores"), ContainSubstring("events")), what)
		}
		Expect(s.Versions(ctx, "db")).To(BeEmpty())
	})

	It("keeps its pods and claims when the StatefulSet is replaced, whenever an operator dies", func(ctx context.Context) {
		tell := func(last int) []string {
			s, x := NewScene(ctx), NewMortal()
			set := handmade(ctx, s)
			agreeToAdoption(ctx, s)
			before := uidsOf(ctx, s)
			d := adopting(s)
			metav1.SetMetaDataAnnotation(&d.ObjectMeta, v1alpha1.AnnotationApprove, "adopt:db:"+string(set.UID))
			op := s.Operate(ctx, x.Options)
			x.Begin(last)
			ExpectApplied(ctx, d)
			if last > 0 {
				Eventually(func(g Gomega) {
					var pod corev1.Pod
					g.Expect(s.Get(ctx, "db-2", &pod)).To(Succeed())
					g.Expect(x.Dead() || pod.UID != before["Pod db-2"]).To(BeTrue())
				}).Should(Succeed())
				op.Kill()
				Expect(op.Stop()).To(Succeed())
				op = s.Operate(ctx)
			}
			expectTakenOver(ctx, s, d, before)
			var service corev1.Service
			Expect(s.Get(ctx, "db", &service)).To(Succeed())
			Expect(service.OwnerReferences).To(BeEmpty(), "the Service that was made by hand")
			Expect(op.Stop()).To(Succeed())
			return x.Effects()
		}
		effects := tell(0)
		AddReportEntry("Effects", fmt.Sprintf("%d: %v", len(effects), effects))
		Abreast(func(each func(func())) {
			for n, effect := range effects {
				if n%stride != int(GinkgoRandomSeed())%stride && !strings.Contains(effect, "statefulset") {
					continue
				}
				each(func() {
					By(fmt.Sprintf("dying after effect %d, %s", n+1, effect))
					tell(n + 1)
				})
			}
		})
	})

	It("keeps its key file, which is read from a Secret whose owner agrees", func(ctx context.Context) {
		s := NewScene(ctx)
		set := handmade(ctx, s, func(set *appsv1.StatefulSet) {
			spec := &set.Spec.Template.Spec
			spec.Volumes = []corev1.Volume{{Name: "key", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "mongo-key"}}}}
			c := &spec.Containers[0]
			c.Command = append(c.Command, "--keyFile", "/etc/mongo/keyfile")
			c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: "key", MountPath: "/etc/mongo"})
		})
		agreeToAdoption(ctx, s)
		d := adopting(s)
		d.Spec.Adopt.Authentication = v1alpha1.AuthenticationKeyFile
		d.Spec.Adopt.KeyFile = &v1alpha1.AdoptedKeyFile{
			SecretRef: v1alpha1.SecretKeyReference{Name: "mongo-key", Key: "keyfile"}, AdministratorSecretRef: v1alpha1.SecretReference{Name: "mongo-root"},
		}
		metav1.SetMetaDataAnnotation(&d.ObjectMeta, v1alpha1.AnnotationApprove, "adopt:db:"+string(set.UID))
		key := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "mongo-key"}, Data: map[string][]byte{"keyfile": []byte("made/by\nhand\n")}}
		ExpectApplied(ctx, key, d)
		op := s.Operate(ctx)
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonAdoptionRefused,
			"Secret mongo-key does not bear the label quorate.dev/datastores-may-use=true", "Secret mongo-root, which spec.adopt names, does not exist"))
		ExpectRestOnce(op.Wire)
		Expect(s.Versions(ctx, "db")).To(BeEmpty())

		By("agreeing, and naming an administrator")
		before := uidsOf(ctx, s)
		key.Labels = map[string]string{v1alpha1.LabelConsent: v1alpha1.ConsentGiven}
		Expect(API.Update(ctx, key)).To(Succeed())
		root := &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "mongo-root", Labels: map[string]string{v1alpha1.LabelConsent: v1alpha1.ConsentGiven}},
			Type:       corev1.SecretTypeBasicAuth, Data: map[string][]byte{"username": []byte("root"), "password": []byte("theirs")},
		}
		ExpectApplied(ctx, root)
		expectTakenOver(ctx, s, d, before)
		var member, manager, connection corev1.Secret
		Expect(s.Get(ctx, resource.MemberSecretName("db"), &member)).To(Succeed())
		Expect(string(member.Data["keyfile"])).To(Equal("made/byhand"), "the key that the servers have")
		Expect(s.Get(ctx, resource.ManagerSecretName("db"), &manager)).To(Succeed())
		for _, secret := range []*corev1.Secret{&member, &manager} {
			for name, value := range secret.Data {
				Expect(string(value)).NotTo(ContainSubstring("theirs"), "%s has their password under %s", secret.Name, name)
			}
		}
		Expect(s.Get(ctx, "db-connection", &connection)).To(Succeed())
		Expect(string(connection.Data["username"])).To(Equal("quorate-admin"))
		By("having left theirs as they were")
		for _, secret := range []*corev1.Secret{key, root} {
			var now corev1.Secret
			Expect(s.Get(ctx, secret.Name, &now)).To(Succeed())
			Expect(now.ResourceVersion).To(Equal(secret.ResourceVersion), secret.Name)
		}
	})

	It("is not taken over once the word is taken back", func(ctx context.Context) {
		s := NewScene(ctx)
		set := handmade(ctx, s)
		agreeToAdoption(ctx, s)
		d := adopting(s)
		metav1.SetMetaDataAnnotation(&d.ObjectMeta, v1alpha1.AnnotationApprove, "adopt:db:"+string(set.UID))
		x := NewMortal()
		x.Before = func(_ int, effect string) {
			if strings.Contains(effect, "patch pods/db-2") || strings.Contains(effect, "patch pods db-2") {
				defer GinkgoRecover()
				ExpectChanged(ctx, &v1alpha1.Datastore{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "db"}}, func(d *v1alpha1.Datastore) { d.Annotations = nil })
			}
		}
		s.Operate(ctx, x.Options)
		ExpectApplied(ctx, d)
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonAdoptionPlanned))
		Expect(x.Effects()).NotTo(ContainElement(ContainSubstring("delete")), "%v", x.Effects())
		var now appsv1.StatefulSet
		Expect(s.Get(ctx, "db", &now)).To(Succeed())
		Expect(now.UID).To(Equal(set.UID))
		Expect(client.IgnoreNotFound(API.Delete(ctx, d))).To(Succeed())
	})
})
