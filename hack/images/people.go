// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package images

import (
	"context"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// peopleImage holds the API of test/people and nothing else.
func peopleImage() spec {
	return spec{
		name:      "people",
		reference: "quorate/people:dev",
		config: v1.Config{
			User: "65532:65532", Entrypoint: []string{"/people"}, ExposedPorts: map[string]struct{}{"8080/tcp": {}}, WorkingDir: "/",
		},
		files: func(ctx context.Context, _ *builder, scratch string) (tree, error) {
			return singleProgram(ctx, "github.com/quorate/quorate/test/people", scratch)
		},
	}
}
