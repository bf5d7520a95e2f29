// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/quorate/quorate/test/double/operator"

	. "github.com/quorate/quorate/test/stage"
)

// Of any other operator in a scene it is asserted at its end, see Operate.
var _ = Describe("An operator that reads Secrets from a cache", func() {
	It("is noticed, since it watches all that there are", func(ctx context.Context) {
		s := NewScene(ctx)
		d := s.Sample("db").Obj()
		op, err := operator.Start(ctx, operator.Options{
			Config: Config, Scheme: Types, World: World, Mapper: API.RESTMapper(), Namespaces: []string{s.Namespace}, CacheSecrets: true,
		})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(func() { Expect(op.Stop()).To(Succeed()) })
		ExpectApplied(ctx, d)
		Eventually(op.Wire.Excesses).Should(ContainElement("watch secrets "), "which begins with all that there are")
	})
})
