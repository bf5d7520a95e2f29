//go:build controlplane

// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	"slices"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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
		before := settled(ctx, s)
		resume := op.Wire.Pause()
		ExpectScaled(ctx, d, 3)
		ExpectScaled(ctx, d, 1)
		resume()
		ExpectObjectReconciled(ctx, d)
		after := s.Versions(ctx)
		delete(before, "Datastore db")
		delete(after, "Datastore db")
		Expect(after).To(Equal(before))
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
		s, scout := NewScene(ctx), NewMortal()
		s.Operate(ctx, scout.Options)
		Formed(ctx, s.Sample("db").Obj())
		effects := scout.Effects()
		Abreast(func(each func(func())) {
			for n := 1; n <= len(effects); n += 3 {
				each(func() { expectGoneAndMadeAgain(ctx, n, effects[n-1]) })
			}
		})
	})
})

// expectGoneAndMadeAgain deletes a Datastore right before an effect of its
// formation. The pass that is on its way then may go on with what goes with its
// owner, but makes no StatefulSet: claims would stay.
func expectGoneAndMadeAgain(ctx context.Context, n int, effect string) {
	GinkgoHelper()
	s, x := NewScene(ctx), NewMortal()
	d, deleted := s.Sample("db").Obj(), make(chan error, 1)
	remove := sync.OnceFunc(func() { deleted <- API.Delete(ctx, s.Sample("db").Obj()) })
	x.Before = func(i int, _ string) {
		if i == n {
			remove()
		}
	}
	op := s.Operate(ctx, x.Options)
	ExpectApplied(ctx, d)
	former := d.UID
	// It may do with fewer writes of the status than the formation that was counted.
	Eventually(func(g Gomega) {
		if len(deleted) == 0 {
			g.Expect(s.Get(ctx, "db", d)).To(Succeed())
			Reconciled(g, d)
		}
	}).Should(Succeed(), effect)
	remove()
	Expect(<-deleted).To(Succeed(), effect)
	Eventually(func(g Gomega) {
		for _, o := range s.Objects(ctx) {
			switch o.(type) {
			case *corev1.PersistentVolumeClaim, *corev1.ConfigMap, *corev1.Secret: // as long as claims that were granted
			default:
				g.Expect(o.GetName()).To(BeEmpty(), "%T is still there", o)
			}
		}
	}).Should(Succeed(), effect)

	Formed(ctx, s.Sample("db").Obj())
	Expect(World.Formations(s.Key("db"))).To(Equal(1), effect)
	Expect(op.Stop()).To(Succeed())
	sets := 1
	if first := slices.Index(x.Effects(), "create statefulsets db"); first < n {
		sets = 2 // the first was sent by then
	}
	Expect(wire.Count(op.Wire.Writes())["create statefulsets"]).To(Equal(sets), "before %s: %v", effect, x.Effects())
	Eventually(func(g Gomega) {
		for _, o := range s.Objects(ctx) {
			if c := metav1.GetControllerOf(o); c != nil {
				g.Expect(c.UID).NotTo(Equal(former), "%T %s", o, o.GetName())
			}
		}
	}).Should(Succeed(), effect)
}

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
		before := settled(ctx, s)
		stale.Wire.Forget()
		Consistently(func() wire.Tally { return wire.Count(stale.Wire.Writes()) }).Should(BeEmpty())
		Expect(s.Versions(ctx)).To(Equal(before))
	})

	It("takes no member away on the word of an old size", func(ctx context.Context) {
		s := NewScene(ctx)
		first := s.Operate(ctx)
		d := s.Sample("db").Replicas(2).Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		ExpectScaled(ctx, d, 1)
		ExpectObjectReconciled(ctx, d)
		ExpectMembers(ctx, s, "db", 1)
		Expect(first.Stop()).To(Succeed())
		view := &Frozen{}
		stale := s.Operate(ctx, view.FreezeNow(ctx, s))
		ExpectScaled(ctx, d, 2)
		second := s.Operate(ctx)
		ExpectObjectReconciled(ctx, d)
		ExpectRest(second.Wire)
		before := settled(ctx, s)
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

var _ = DescribeTable("An operator that dies is followed by one that goes on, among real controllers",
	func(ctx context.Context, story Story) { story.EveryDeath(ctx, 4) },
	Entry("with a formation", Story{Act: Form}),
	Entry("with a shrinkage", Story{Before: Formed, Act: ScaleTo(2)}),
	Entry("with a growth", Story{Before: Formed, Act: ScaleTo(4)}),
)
