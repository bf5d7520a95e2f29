// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/quorate/quorate/test/double/operator"
	"github.com/quorate/quorate/test/double/portrait"
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

var _ = Describe("An API server that often fails", func() {
	It("delays a set and changes nothing about it", func(ctx context.Context) {
		// One pass asks twenty times, so most fail, and each try waits longer.
		SetDefaultEventuallyTimeout(3 * time.Minute)
		DeferCleanup(SetDefaultEventuallyTimeout, time.Minute)
		plain := func() portrait.Portrait {
			s := NewScene(ctx)
			s.Operate(ctx)
			d := s.Sample("db").Obj()
			ExpectApplied(ctx, d)
			ExpectObjectReconciled(ctx, d)
			return s.Portrait(ctx, "db")
		}()

		for range 3 {
			s := NewScene(ctx)
			w := &weather{rand: rand.New(rand.NewPCG(uint64(GinkgoRandomSeed()), rand.Uint64()))}
			op := s.Operate(ctx, func(o *operator.Options) {
				o.Wire = &wire.Wire{
					Judge: func(wire.Write) wire.Fate {
						return w.judge(wire.Conflict, wire.Throttle, wire.Fail, wire.LoseRequest, wire.LoseReply)
					},
					JudgeRead: func(string) wire.Fate { return w.judge(wire.Pass, wire.Throttle, wire.Fail) },
				}
			})
			d := s.Sample("db").Obj()
			ExpectApplied(ctx, d)
			ExpectObjectReconciled(ctx, d)
			ExpectScaled(ctx, d, 5)
			ExpectObjectReconciled(ctx, d)
			ExpectScaled(ctx, d, 3)
			ExpectObjectReconciled(ctx, d)
			ExpectMembers(ctx, s, "db", 3)
			Expect(w.bad).To(BeNumerically(">", 5))
			Expect(World.Formations(s.Key("db"))).To(Equal(1))
			Expect(World.Crashes(s.Key("db"))).To(BeEmpty())
			Eventually(func() []string { return settled(s.Portrait(ctx, "db")).Difference(settled(plain)) }).Should(BeEmpty())
			Expect(op.Stop()).To(Succeed())
		}
	})
})

// settled leaves out what shows that there were once more members: the claims,
// and who owns what they open.
func settled(p portrait.Portrait) portrait.Portrait {
	out := portrait.Portrait{}
	for name, text := range p {
		lasting := strings.HasPrefix(name, "Secret") || strings.HasPrefix(name, "PersistentVolumeClaim")
		if !lasting && name != "ConfigMap db-ledger" {
			out[name] = text
		}
	}
	return out
}
