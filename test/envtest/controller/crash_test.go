// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"

	. "github.com/onsi/ginkgo/v2"

	. "github.com/quorate/quorate/test/stage"
)

var _ = DescribeTable("An operator that dies at any moment is followed by one that goes on",
	func(ctx context.Context, story Story) { story.EveryDeath(ctx, stride) },
	Entry("with a formation", Story{Act: Form}),
	Entry("with a shrinkage", Story{Before: Formed, Act: ScaleTo(2)}),
	Entry("with a growth", Story{Before: Formed, Act: ScaleTo(4)}),
)
