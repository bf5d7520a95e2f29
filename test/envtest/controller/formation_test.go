// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/controller"
	"github.com/quorate/quorate/internal/layout"
	"github.com/quorate/quorate/internal/resource"
	"github.com/quorate/quorate/test/double/operator"
	"github.com/quorate/quorate/test/double/wire"

	. "github.com/quorate/quorate/test/stage"
)

var _ = Describe("A new Datastore", Ordered, func() {
	var (
		s *Scene
		d *v1alpha1.Datastore
		w *wire.Wire
	)

	BeforeAll(func(ctx context.Context) {
		s = NewScene(ctx)
		w = s.Operate(ctx, func(o *operator.Options) {
			o.Settings = func(s *controller.Settings) { s.StatusEvery = 2 * time.Second } // the manager's default
		}).Wire
		d = s.Sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
	})

	It("is made in an order in which each child has what it needs, in few writes", func() {
		var objects []string
		for _, x := range w.Writes() {
			Expect(x.Verb).NotTo(Equal("delete"))
			if x.Done() && x.Resource != "datastores/status" {
				objects = append(objects, x.String())
			}
		}
		Expect(objects[:13]).To(HaveExactElements(
			"create configmaps db-ledger",
			"create secrets db-ca", "create secrets db-manager", "create secrets db-member",
			"create services db", "create services db-client", "create services db-0", "create services db-1", "create services db-2",
			"create configmaps db-config", "create networkpolicies db", "create secrets db-connection",
			"create statefulsets db",
		))
		Expect(objects[13:18]).To(HaveExactElements(
			"update configmaps db-ledger", "patch statefulsets db", "update secrets db-ca", "update secrets db-manager", "update secrets db-member",
		), "the grants are in the ledger, the StatefulSet bears the epoch, and the credentials live as long as the claims, before anybody is asked")
		Expect(objects[18:]).To(HaveEach(BeElementOf(
			"update configmaps db-ledger", "create poddisruptionbudgets db", "patch poddisruptionbudgets db", "apply poddisruptionbudgets db",
		)), "what was seen, and a budget that is opened once the set tolerates a failure")

		tally := wire.Count(w.Writes())
		AddReportEntry("Writes to form three members", tally.String())
		Expect(tally.Objects()).To(BeNumerically("<=", 24))
		Expect(tally.Statuses()).To(BeNumerically("<=", 4))
		Expect(World.Formations(s.Key("db"))).To(Equal(1))
	})

	It("controls its children, and shares what outlives it with the claims", func(ctx context.Context) {
		claims := map[string]bool{}
		objects := s.Objects(ctx)
		for _, o := range objects {
			if c, ok := o.(*corev1.PersistentVolumeClaim); ok {
				claims[string(c.UID)] = true
			}
		}
		Expect(claims).To(HaveLen(3))
		lasting, controlled := 0, 0
		for _, o := range objects {
			switch component := o.GetLabels()[resource.ComponentLabel]; {
			case component == resource.ComponentLedger, component == resource.ComponentCredentials:
				lasting++
				Expect(metav1.GetControllerOf(o)).To(BeNil(), o.GetName())
				owners := o.GetOwnerReferences()
				Expect(owners[0].UID).To(Equal(d.UID))
				kept := 0
				for _, ref := range owners[1:] {
					if ref.Kind == "PersistentVolumeClaim" {
						kept++
						Expect(claims).To(HaveKey(string(ref.UID)))
					} else {
						Expect(ref.Name).To(Equal("db-ledger"), "of %s", o.GetName())
						Expect(component).To(Equal(resource.ComponentCredentials))
					}
				}
				Expect(kept).To(Equal(3), o.GetName())
			case o.GetLabels()["app.kubernetes.io/managed-by"] == resource.FieldOwner && o.GetObjectKind().GroupVersionKind().Kind != "Pod":
				controlled++
				Expect(metav1.IsControlledBy(o, d)).To(BeTrue(), o.GetName())
			}
		}
		Expect(lasting).To(Equal(4))
		Expect(controlled).To(Equal(10), "five Services, ConfigMap, NetworkPolicy, Secret, budget and StatefulSet")
	})

	It("tells how it is", func(ctx context.Context) {
		ExpectDatastore(ctx, d,
			Has(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonAllMembersReady, "all 3 members serve"),
			Has(v1alpha1.ConditionFormed, metav1.ConditionTrue, v1alpha1.ReasonFormed, d.Status.ClusterID),
			Has(v1alpha1.ConditionDegraded, metav1.ConditionFalse, v1alpha1.ReasonFullTolerance),
			Has(v1alpha1.ConditionReconciling, metav1.ConditionFalse, v1alpha1.ReasonUpToDate),
			Has(v1alpha1.ConditionStalled, metav1.ConditionFalse, v1alpha1.ReasonNotStalled),
		)
		st := d.Status
		Expect(st.ClusterID).NotTo(BeEmpty())
		Expect(st.Image).To(Equal("hashicorp/consul:1.22.3"))
		Expect(st.Selector).To(Equal("quorate.dev/component=server,quorate.dev/datastore=db"))
		Expect(st.FaultTolerance).To(HaveValue(Equal(int32(1))))
		Expect(st.Plan).To(BeNil())
		Expect(st.Members).To(HaveLen(3))
		leaders := 0
		for i, m := range st.Members {
			Expect(m.Name).To(Equal(layout.New("db").Member(int32(i))))
			Expect(m.ID).NotTo(BeEmpty())
			Expect(m.Version).To(Equal("1.22.3"))
			Expect(m.Voter).To(HaveValue(BeTrue()))
			Expect(m.Healthy).To(HaveValue(BeTrue()))
			Expect(m.ClaimUID).NotTo(BeEmpty())
			if m.Role == "leader" {
				leaders++
			}
		}
		Expect(leaders).To(Equal(1))
	})

	It("is left alone at rest, whoever looks at it again", func(ctx context.Context) {
		ExpectRest(w)
		before := s.Versions(ctx)
		// A change of metadata brings the Datastore up again without a new generation.
		for range 3 {
			ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) {
				metav1.SetMetaDataAnnotation(&d.ObjectMeta, "example.com/poke", d.ResourceVersion)
			})
		}
		Consistently(w.Writes).Should(BeEmpty())
		after := s.Versions(ctx)
		delete(before, "Datastore db")
		delete(after, "Datastore db")
		Expect(after).To(Equal(before))
	})

	It("mends what others change, and leaves what they add", func(ctx context.Context) {
		var set appsv1.StatefulSet
		Expect(API.Get(ctx, s.Key("db"), &set)).To(Succeed())
		before := set.DeepCopy()
		set.Spec.Replicas = ptr.To[int32](4)
		set.Spec.Template.Spec.Containers[0].Image = "example.com/other"
		metav1.SetMetaDataAnnotation(&set.ObjectMeta, "example.com/note", "mine")
		Expect(API.Patch(ctx, &set, client.MergeFrom(before))).To(Succeed(), "whatever its controller tells meanwhile")

		var service corev1.Service
		Expect(API.Get(ctx, s.Key("db-client"), &service)).To(Succeed())
		service.Spec.Selector = map[string]string{"app": "other"}
		Expect(API.Update(ctx, &service)).To(Succeed())
		Expect(API.Delete(ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: s.Namespace, Name: "db-config"}})).To(Succeed())

		Eventually(func(g Gomega) {
			g.Expect(API.Get(ctx, s.Key("db"), &set)).To(Succeed())
			g.Expect(set.Spec.Replicas).To(HaveValue(Equal(int32(3))))
			g.Expect(set.Spec.Template.Spec.Containers[0].Image).To(Equal("hashicorp/consul:1.22.3"))
			g.Expect(set.Annotations).To(HaveKeyWithValue("example.com/note", "mine"))
			g.Expect(API.Get(ctx, s.Key("db-client"), &service)).To(Succeed())
			g.Expect(service.Spec.Selector).To(Equal(resource.SelectorLabels("db")))
			g.Expect(API.Get(ctx, s.Key("db-config"), &corev1.ConfigMap{})).To(Succeed())
		}).Should(Succeed())
		ExpectObjectReconciled(ctx, d)
		ExpectMembers(ctx, s, "db", 3)
	})

	It("gives a member that lost its pod a new one without a new vote", func(ctx context.Context) {
		var pod corev1.Pod
		Expect(API.Get(ctx, s.Key("db-1"), &pod)).To(Succeed())
		Expect(API.Delete(ctx, &pod)).To(Succeed())
		Eventually(func(g Gomega) {
			var again corev1.Pod
			g.Expect(API.Get(ctx, s.Key("db-1"), &again)).To(Succeed())
			g.Expect(again.UID).NotTo(Equal(pod.UID))
			g.Expect(resource.PodReady(&again)).To(BeTrue())
		}).Should(Succeed())
		ExpectObjectReconciled(ctx, d)
	})
})
