// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package images

import (
	"context"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// QuorateReference is the operator's image as built from the working tree.
const QuorateReference = "quorate/quorate:dev"

// quorateImage holds the binary that is manager, init and agent. There is nothing else in it: it trusts only the
// certificates it is given, and runs as no user that anything belongs to.
func quorateImage() spec {
	return spec{
		name:      "quorate",
		reference: QuorateReference,
		config:    v1.Config{User: "65532:65532", Entrypoint: []string{"/quorate"}, WorkingDir: "/"},
		files: func(ctx context.Context, _ *builder, scratch string) (tree, error) {
			return singleProgram(ctx, "github.com/quorate/quorate/cmd/quorate", scratch)
		},
	}
}
