// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/controller"
	"github.com/quorate/quorate/test/double/kubelet"
	"github.com/quorate/quorate/test/double/operator"
	"github.com/quorate/quorate/test/double/wire"

	. "github.com/quorate/quorate/test/stage"
)

var _ = Describe("A size", func() {
	It("that grows restarts nobody, and that shrinks quickly leaves nobody behind", func(ctx context.Context) {
		s := NewScene(ctx)
		s.Operate(ctx)
		d := s.Sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		founders := s.PodUIDs(ctx, "db")
		ExpectScaled(ctx, d, 5)
		ExpectObjectReconciled(ctx, d)
		for name, uid := range founders {
			Expect(s.PodUIDs(ctx, "db")).To(HaveKeyWithValue(name, uid))
		}
		ExpectScaled(ctx, d, 1)
		ExpectDatastore(ctx, d, Observed)
		ExpectScaled(ctx, d, 3)
		ExpectObjectReconciled(ctx, d)
		ExpectMembers(ctx, s, "db", 3)
		Expect(World.Crashes(s.Key("db"))).To(BeEmpty(), "nobody starts on the data of a member that left")
		Expect(World.Formations(s.Key("db"))).To(Equal(1))
	})

	It("that no operator ever saw leaves no orphans", func(ctx context.Context) {
		s := NewScene(ctx)
		op := s.Operate(ctx)
		d := s.Sample("db").Replicas(1).Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		ExpectRest(op.Wire)
		before := s.Versions(ctx, "db")
		resume := op.Wire.Pause()
		ExpectScaled(ctx, d, 3)
		ExpectScaled(ctx, d, 1)
		resume()
		ExpectObjectReconciled(ctx, d)
		Expect(s.Versions(ctx, "db")).To(Equal(before))
	})

	It("that was seen by half leaves no orphans but empty claims", func(ctx context.Context) {
		s := NewScene(ctx)
		x := NewMortal()
		op := s.Operate(ctx, x.Options)
		d := s.Sample("db").Replicas(1).Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		ExpectRest(op.Wire)
		// It dies once the StatefulSet has grown: two Services, ConfigMap and set, the last two in two writes each.
		x.Begin(6)
		ExpectScaled(ctx, d, 3)
		Eventually(x.Dead).Should(BeTrue(), "%v", x.Effects())
		ExpectScaled(ctx, d, 1)
		s.Operate(ctx)
		ExpectObjectReconciled(ctx, d)
		ExpectMembers(ctx, s, "db", 1)
	})
})

var _ = Describe("A bad image", func() {
	It("is told, and the stuck pods are replaced when it is put right", func(ctx context.Context) {
		s := NewScene(ctx)
		op := s.Operate(ctx)
		d := s.Sample("db").Image(kubelet.BadImage).Obj()
		ExpectApplied(ctx, d)
		ExpectDatastore(ctx, d, Has(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonPodStuck, "ImagePullBackOff", "spec.image"))
		stuck := s.PodUIDs(ctx, "db")
		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { d.Spec.Image = "" })
		ExpectObjectReconciled(ctx, d)
		for name, uid := range s.PodUIDs(ctx, "db") {
			Expect(uid).NotTo(Equal(stuck[name]))
		}
		ExpectPodsDeleted(op.Wire, 3)
		Expect(World.Formations(s.Key("db"))).To(Equal(1))
	})
})

var _ = Describe("Two Datastores of which one's name begins like the other's", func() {
	It("leave each other alone", func(ctx context.Context) {
		s := NewScene(ctx)
		op := s.Operate(ctx)
		db, other := s.Sample("db").Obj(), s.Sample("db-a").Obj()
		ExpectApplied(ctx, db, other)
		ExpectObjectReconciled(ctx, db)
		ExpectObjectReconciled(ctx, other)
		ExpectRestOnce(op.Wire)
		before, pods := s.Portrait(ctx, "db-a"), s.PodUIDs(ctx, "db-a")
		ExpectScaled(ctx, db, 1)
		ExpectObjectReconciled(ctx, db)
		ExpectMembers(ctx, s, "db", 1)
		Expect(API.Delete(ctx, db)).To(Succeed())
		Eventually(func() []corev1.Pod { return s.Pods(ctx, "db") }).Should(BeEmpty())
		ExpectObjectReconciled(ctx, other)
		Expect(s.Portrait(ctx, "db-a").Difference(before)).To(BeEmpty())
		Expect(s.PodUIDs(ctx, "db-a")).To(Equal(pods))
	})
})

var _ = Describe("Lists in another order", func() {
	It("change nothing", func(ctx context.Context) {
		s := NewScene(ctx)
		first := s.Operate(ctx)
		d := s.Sample("db").Replicas(5).Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		ExpectRest(first.Wire)
		Expect(first.Stop()).To(Succeed())
		second := s.Operate(ctx, listBackwards)
		ExpectPoked(ctx, d)
		Consistently(func() wire.Tally { return wire.Count(second.Wire.Writes()) }).Should(BeEmpty())
	})
})

var _ = Describe("A Datastore that is deleted", func() {
	It("leaves its claims, and with them ledger and credentials; without them nothing", func(ctx context.Context) {
		s := NewScene(ctx)
		s.Operate(ctx)
		d := s.Sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		id := d.Status.ClusterID
		Expect(API.Delete(ctx, d)).To(Succeed())
		Eventually(func() map[string]string { return s.Versions(ctx) }).Should(And(HaveLen(7), HaveKey("ConfigMap db-ledger"), HaveKey("Secret db-ca"),
			HaveKey("Secret db-manager"), HaveKey("Secret db-member"), HaveKey("PersistentVolumeClaim data-db-2")))
		left := s.Versions(ctx)
		Consistently(func() int { return len(s.Versions(ctx)) }).Should(Equal(len(left)))

		By("one claim less")
		s.Remove(ctx, &corev1.PersistentVolumeClaim{}, "data-db-2")
		Eventually(func() map[string]string { return s.Versions(ctx) }).Should(HaveLen(6))

		By("the resource again")
		d = s.Sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		Expect(d.Status.ClusterID).To(Equal(id))
		Expect(World.Formations(s.Key("db"))).To(Equal(1))

		By("all of it")
		Expect(API.Delete(ctx, d)).To(Succeed())
		s.RemoveAll(ctx, &corev1.PersistentVolumeClaim{})
		Eventually(func() map[string]string { return s.Versions(ctx) }).Should(BeEmpty())
	})

	It("starts afresh when it is made again while its claims are still going", func(ctx context.Context) {
		s := NewScene(ctx)
		s.Operate(ctx)
		d := s.Sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		id := d.Status.ClusterID
		Expect(API.Delete(ctx, d)).To(Succeed())
		s.RemoveAll(ctx, &corev1.PersistentVolumeClaim{})
		d = s.Sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		Expect(d.Status.ClusterID).NotTo(Equal(id))
	})

	It("in the middle of its formation has nothing made for it afterwards, and can be made again", func(ctx context.Context) {
		scout := NewMortal()
		s := NewScene(ctx)
		s.Operate(ctx, scout.Options)
		d := s.Sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		effects := scout.Effects()
		for n := 1; n <= len(effects); n += 3 {
			By("before effect " + effects[n-1])
			s := NewScene(ctx)
			x := NewMortal()
			d := s.Sample("db").Obj()
			var once sync.Once
			x.Before = func(i int, _ string) {
				if i == n {
					once.Do(func() { _ = API.Delete(context.Background(), d.DeepCopy()) })
				}
			}
			op := s.Operate(ctx, x.Options)
			ExpectApplied(ctx, d)
			Eventually(func(g Gomega) {
				for _, o := range s.Objects(ctx) {
					switch o.(type) {
					case *corev1.PersistentVolumeClaim, *corev1.ConfigMap, *corev1.Secret: // live as long as granted claims
					default:
						g.Expect(o.GetName()).To(BeEmpty(), "%T is still there", o)
					}
				}
			}).Should(Succeed())
			op.Wire.Forget()
			Consistently(op.Wire.Writes).WithTimeout(300 * time.Millisecond).Should(BeEmpty())
			again := s.Sample("db").Obj()
			ExpectApplied(ctx, again)
			ExpectObjectReconciled(ctx, again)
			Expect(World.Formations(s.Key("db"))).To(Equal(1))
			Expect(op.Stop()).To(Succeed())
		}
	})
})

var _ = Describe("An operator with an old view", func() {
	It("deletes nothing of the Datastore that has taken the place of the one it sees", func(ctx context.Context) {
		s := NewScene(ctx)
		first := s.Operate(ctx)
		d := s.Sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		Expect(first.Stop()).To(Succeed())
		view := &Frozen{}
		often := func(o *operator.Options) {
			o.Settings = func(s *controller.Settings) { s.Resync = 100 * time.Millisecond }
		}
		stale := s.Operate(ctx, view.FreezeNow(ctx, s), often)
		Expect(API.Delete(ctx, d)).To(Succeed())
		Eventually(func() map[string]string { return s.Versions(ctx) }).Should(HaveLen(7))
		second := s.Operate(ctx)
		fresh := s.Sample("db").Obj()
		ExpectApplied(ctx, fresh)
		ExpectObjectReconciled(ctx, fresh)
		ExpectRest(second.Wire)
		before := s.Versions(ctx)
		stale.Wire.Forget()
		Consistently(func() wire.Tally { return wire.Count(stale.Wire.Writes()) }).Should(BeEmpty())
		Expect(s.Versions(ctx)).To(Equal(before))
	})

	It("takes no member away on the word of an old size", func(ctx context.Context) {
		s := NewScene(ctx)
		first := s.Operate(ctx)
		d := s.Sample("db").Replicas(1).Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		Expect(first.Stop()).To(Succeed())
		view := &Frozen{}
		stale := s.Operate(ctx, view.FreezeNow(ctx, s))
		ExpectScaled(ctx, d, 2)
		second := s.Operate(ctx)
		ExpectObjectReconciled(ctx, d)
		ExpectRest(second.Wire)
		before := s.Versions(ctx)
		stale.Wire.Forget()
		ExpectPoked(ctx, d)
		Consistently(func() wire.Tally { return wire.Count(stale.Wire.Writes()) }).Should(BeEmpty())
		after := s.Versions(ctx)
		delete(before, "Datastore db")
		delete(after, "Datastore db")
		Expect(after).To(Equal(before))
		var claim corev1.PersistentVolumeClaim
		Expect(s.Get(ctx, "data-db-1", &claim)).To(Succeed())
		Expect(claim.DeletionTimestamp).To(BeNil())
	})
})

var _ = Describe("An operator that dies", func() {
	DescribeTable("is followed by one that ends the same way, with real controllers around",
		func(ctx context.Context, from, to int32) {
			play := func(last int) (*Scene, []string, wire.Tally) {
				s, x := NewScene(ctx), NewMortal()
				op := s.Operate(ctx, x.Options)
				d := s.Sample("db").Replicas(max(from, 1)).Obj()
				if from > 0 {
					ExpectApplied(ctx, d)
					ExpectObjectReconciled(ctx, d)
					ExpectRest(op.Wire)
				} else {
					d = s.Sample("db").Replicas(to).Obj()
				}
				x.Begin(last)
				if from > 0 {
					ExpectScaled(ctx, d, to)
				} else {
					ExpectApplied(ctx, d)
				}
				wires := []*wire.Wire{op.Wire}
				if last > 0 {
					Eventually(func(g Gomega) {
						if !x.Dead() {
							g.Expect(API.Get(ctx, client.ObjectKeyFromObject(d), d)).To(Succeed())
							Reconciled(g, d)
						}
					}).Should(Succeed())
					op.Kill()
					op = s.Operate(ctx)
					wires = append(wires, op.Wire)
				}
				ExpectObjectReconciled(ctx, d)
				ExpectMembers(ctx, s, "db", int(to))
				ExpectRestOnce(op.Wire)
				made := wire.Tally{}
				for _, w := range wires {
					for key, n := range wire.Count(w.Writes()) {
						if verb := key[:6]; verb == "create" || verb == "delete" {
							made[key] += n
						}
					}
				}
				Expect(World.Formations(s.Key("db"))).To(Equal(1))
				Expect(World.Crashes(s.Key("db"))).To(BeEmpty())
				return s, x.Effects(), made
			}
			first, effects, made := play(0)
			plain := first.Portrait(ctx, "db")
			for n := 1 + int(GinkgoRandomSeed()%4); n <= len(effects); n += 4 {
				By("after " + effects[n-1])
				s, _, again := play(n)
				Expect(again).To(Equal(made))
				Eventually(func() []string { return s.Portrait(ctx, "db").Difference(plain) }).Should(BeEmpty())
			}
		},
		Entry("of a formation", int32(0), int32(3)),
		Entry("of a growth", int32(3), int32(4)),
		Entry("of a shrinkage", int32(3), int32(2)),
	)
})
