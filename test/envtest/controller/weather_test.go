// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/test/double/operator"
	"github.com/quorate/quorate/test/double/wire"

	. "github.com/quorate/quorate/test/stage"
)

// weather spoils one request in ten, each time in another way.
type weather struct {
	mu   sync.Mutex
	rand *rand.Rand
	bad  int
}

func (w *weather) judge(kinds ...wire.Fate) wire.Fate {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.rand.IntN(10) > 0 {
		return wire.Pass
	}
	w.bad++
	return kinds[w.rand.IntN(len(kinds))]
}

// spoil has one request in ten refused for a conflict, for being one too many or for
// the API server's own fault, lost on the way, or carried out and its answer lost.
func (w *weather) spoil(o *operator.Options) {
	o.Wire = &wire.Wire{
		Judge: func(wire.Write) wire.Fate {
			return w.judge(wire.Conflict, wire.Throttle, wire.Fail, wire.LoseRequest, wire.LoseReply)
		},
		JudgeRead: func(string) wire.Fate { return w.judge(wire.Pass, wire.Throttle, wire.Fail) },
	}
}

// everyday is what becomes of most Datastores.
var everyday = []Story{
	{Act: Form},
	{Before: Formed, Act: ScaleTo(5)},
	{Before: func(ctx context.Context, d *v1alpha1.Datastore) {
		d.Spec.Storage.Retention.WhenScaled = v1alpha1.RetentionDelete
		Formed(ctx, d)
		ExpectScaled(ctx, d, 5)
		ExpectObjectReconciled(ctx, d)
	}, Act: ScaleTo(3)},
	{Before: Formed, Act: change(func(d *v1alpha1.Datastore) {
		d.Spec.Pod.Labels = map[string]string{"tier": "gold"}
	})},
}

var _ = Describe("An API server that often fails", func() {
	It("delays a formation, a growth, a shrinkage and a rollout, and changes nothing about them", func(ctx context.Context) {
		// One pass asks twenty times, so most fail, and each try waits longer.
		SetDefaultEventuallyTimeout(3 * time.Minute)
		DeferCleanup(SetDefaultEventuallyTimeout, time.Minute)
		Abreast(func(each func(func())) {
			for i, story := range everyday {
				each(func() {
					w := &weather{rand: rand.New(rand.NewPCG(uint64(GinkgoRandomSeed()), uint64(i)))}
					story.Under(ctx, Hardship{Name: fmt.Sprintf("under bad weather, story %d", i), Operator: w.spoil})
					Expect(w.bad).To(BeNumerically(">", 2))
				})
			}
		})
	})
})

var _ = Describe("A cache that lags by five seconds", func() {
	It("has nothing made or deleted twice, and nothing go to and fro", func(ctx context.Context) {
		const lag = 5 * time.Second
		SetDefaultEventuallyTimeout(3 * time.Minute)
		DeferCleanup(SetDefaultEventuallyTimeout, time.Minute)
		Abreast(func(each func(func())) {
			for i, story := range everyday {
				each(func() {
					behind := &wire.Wire{Lag: lag}
					story.Under(ctx, Hardship{
						Name: fmt.Sprintf("with a lagging cache, story %d", i), Rest: lag,
						Operator: func(o *operator.Options) { o.Wire = behind },
					})
					expectToAndFro(behind.Writes())
				})
			}
		})
	})
})

// expectToAndFro bounds how often the StatefulSet is written: growing by two and
// shrinking by two take two writes each, one more may bear the epoch alone, and one
// the outcome of a rollout.
func expectToAndFro(writes []wire.Write) {
	GinkgoHelper()
	n := 0
	for _, w := range writes {
		if w.Done() && w.Resource == "statefulsets" && w.Verb == "apply" {
			n++
		}
	}
	Expect(n).To(BeNumerically("<=", 3), "%v", writes)
}
