//go:build controlplane

// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	"fmt"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/test/double/wire"

	. "github.com/quorate/quorate/test/stage"
)

var _ = Describe("Many Datastores", func() {
	It("form at once, and rest", func(ctx context.Context) {
		const many = 20
		s := NewScene(ctx)
		op := s.Operate(ctx)
		var all []*v1alpha1.Datastore
		for i := range many {
			all = append(all, s.Sample(fmt.Sprintf("d%dx", i)).Obj())
		}
		start := time.Now()
		for _, d := range all {
			ExpectApplied(ctx, d)
		}
		for _, d := range all {
			ExpectObjectReconciled(ctx, d)
			Expect(World.Formations(s.Key(d.Name))).To(Equal(1))
		}
		AddReportEntry("Time", fmt.Sprintf("%d Datastores of three members in %s", many, time.Since(start).Round(100*time.Millisecond)))
		AddReportEntry("Writes", wire.Count(op.Wire.Writes()).String())

		ExpectRest(op.Wire)
		before := settled(ctx, s)
		Consistently(func() map[string]string { return s.Versions(ctx) }).WithPolling(500 * time.Millisecond).Should(Equal(before))
	})
})
