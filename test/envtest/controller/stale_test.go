// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/agent/protocol"
	"github.com/quorate/quorate/internal/controller"
	"github.com/quorate/quorate/test/double/kubelet"
	"github.com/quorate/quorate/test/double/operator"
	"github.com/quorate/quorate/test/double/wire"
)

// frozen is a client whose reads show the scene as it was when it was frozen,
// but for Secrets, which are never cached. Writes go through.
type frozen struct {
	client.Client
	view atomic.Pointer[client.Reader]
}

// freeze takes the picture that is shown from now on.
func (f *frozen) freeze(ctx context.Context, s *scene) {
	GinkgoHelper()
	objects, err := kubelet.Objects(ctx, api, s.namespace)
	Expect(err).NotTo(HaveOccurred())
	var view client.Reader = fake.NewClientBuilder().WithScheme(types).WithObjects(objects...).Build()
	f.view.Store(&view)
}

func (f *frozen) thaw() { f.view.Store(nil) }

// Get implements client.Reader.
func (f *frozen) Get(ctx context.Context, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
	if _, secret := o.(*corev1.Secret); secret || f.view.Load() == nil {
		return f.Client.Get(ctx, key, o, opts...)
	}
	return (*f.view.Load()).Get(ctx, key, o, opts...)
}

// List implements client.Reader.
func (f *frozen) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	if f.view.Load() == nil {
		return f.Client.List(ctx, list, opts...)
	}
	return (*f.view.Load()).List(ctx, list, opts...)
}

// frozenNow is an option by which an operator sees the scene as it is now.
func frozenNow(ctx context.Context, s *scene, f *frozen) func(*operator.Options) {
	return func(o *operator.Options) {
		o.Client = func(c client.Client) client.Client {
			f.Client = c
			f.freeze(ctx, s)
			return f
		}
	}
}

var _ = Describe("An operator with an old view", func() {
	It("forms one set, and makes nothing twice, when its cache lags by a second", func(ctx context.Context) {
		s := newScene(ctx)
		op := s.operate(ctx, func(o *operator.Options) { o.Wire = &wire.Wire{Lag: time.Second} })
		d := s.sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		tally := wire.Count(op.Wire.Writes())
		AddReportEntry("Writes with a lagging cache", tally.String())
		Expect(tally.Of("create")).To(Equal(13))
		Expect(tally.Of("delete")).To(BeZero())
		Expect(world.Formations(s.key("db"))).To(Equal(1))

		before := podUIDs(ctx, s, "db")
		ExpectScaled(ctx, d, 4)
		ExpectObjectReconciled(ctx, d)
		ExpectScaled(ctx, d, 3)
		ExpectObjectReconciled(ctx, d)
		expectMembers(ctx, s, "db", 3)
		Expect(podUIDs(ctx, s, "db")).To(Equal(before))
	})

	It("makes nothing for a Datastore that is gone, and deletes nothing of its successor", func(ctx context.Context) {
		s := newScene(ctx)
		first := s.operate(ctx)
		d := s.sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		Expect(first.Stop()).To(Succeed())

		view := &frozen{}
		stale := s.operate(ctx, frozenNow(ctx, s, view), func(o *operator.Options) {
			o.Settings = func(s *controller.Settings) { s.Resync = 100 * time.Millisecond }
		})
		Expect(api.Delete(ctx, d)).To(Succeed())
		ExpectCollected(ctx, s)
		stale.Wire.Forget()
		Consistently(func() wire.Tally { return wire.Count(stale.Wire.Writes()) }).Should(BeEmpty(), "the Datastore is gone")

		By("making another of the same name")
		second := s.operate(ctx)
		fresh := s.sample("db").Obj()
		ExpectApplied(ctx, fresh)
		ExpectObjectReconciled(ctx, fresh)
		before := versions(ctx, s)
		stale.Wire.Forget()
		Consistently(func() wire.Tally { return wire.Count(stale.Wire.Writes()) }).Should(BeEmpty(), "the Datastore is another")
		Expect(versions(ctx, s)).To(Equal(before))
		Expect(second.Stop()).To(Succeed())
		view.thaw()
		ExpectObjectReconciled(ctx, fresh)
	})

	It("takes no member away on the word of an old size", func(ctx context.Context) {
		s := newScene(ctx)
		first := s.operate(ctx)
		d := s.sample("db").Replicas(1).Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		ExpectScaled(ctx, d, 2)
		ExpectObjectReconciled(ctx, d)
		ExpectScaled(ctx, d, 1)
		Expect(api.Get(ctx, s.key("db"), d)).To(Succeed())
		Expect(first.Stop()).To(Succeed())

		By("an operator that goes on seeing 1 while the user wants 2")
		view := &frozen{}
		stale := s.operate(ctx, frozenNow(ctx, s, view))
		ExpectScaled(ctx, d, 2)
		second := s.operate(ctx)
		ExpectObjectReconciled(ctx, d)
		Expect(second.Stop()).To(Succeed())
		pods := podUIDs(ctx, s, "db")
		stale.Wire.Forget()
		Consistently(func(g Gomega) {
			g.Expect(podUIDs(ctx, s, "db")).To(Equal(pods))
			g.Expect(wire.Count(stale.Wire.Writes()).Objects()).To(BeZero())
		}).Should(Succeed())
		view.thaw()
		ExpectObjectReconciled(ctx, d)
	})
})

var _ = Describe("An operator that another one has taken over from", func() {
	It("is refused by the members, and writes nothing more", func(ctx context.Context) {
		s := newScene(ctx)
		// The first is stopped in the middle of asking a member to leave.
		var once sync.Once
		asking, goOn := make(chan struct{}), make(chan struct{})
		line := world.Line()
		line.Asked = func(req protocol.ActionRequest) (func() error, error) {
			if req.Step != nil && req.Step.Kind == "Leave" {
				once.Do(func() {
					close(asking)
					<-goOn
				})
			}
			return func() error { return nil }, nil
		}
		first := s.operate(ctx, func(o *operator.Options) { o.Line = line })
		d := s.sample("db").Obj()
		ExpectApplied(ctx, d)
		ExpectObjectReconciled(ctx, d)
		ExpectScaled(ctx, d, 2)
		Eventually(asking).Should(BeClosed())
		resume := first.Wire.Pause()

		By("a second one that sees to what the first began, and to what the user wants next")
		second := s.operate(ctx)
		ExpectScaled(ctx, d, 3)
		ExpectObjectReconciled(ctx, d)
		Expect(second.Stop()).To(Succeed())
		before, pods := versions(ctx, s), podUIDs(ctx, s, "db")

		By("the first one going on where it stopped")
		first.Wire.Forget()
		close(goOn)
		resume()
		ExpectChanged(ctx, d, func(d *v1alpha1.Datastore) { metav1.SetMetaDataAnnotation(&d.ObjectMeta, "example.com/poke", "1") })
		Consistently(func() wire.Tally { return wire.Count(first.Wire.Writes()) }).Should(BeEmpty())
		after := versions(ctx, s)
		delete(before, "Datastore db")
		delete(after, "Datastore db")
		Expect(after).To(Equal(before))
		Expect(podUIDs(ctx, s, "db")).To(Equal(pods))
		ExpectObjectReconciled(ctx, d)
	})
})
