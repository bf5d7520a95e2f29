// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package images

import (
	"context"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// PauseReference is the image of the container that holds a pod's namespaces.
const PauseReference = "quorate.local/pause:1"

func pauseImage() spec {
	return spec{
		name:      "pause",
		reference: PauseReference,
		config:    v1.Config{User: "65535:65535", Entrypoint: []string{"/pause"}, WorkingDir: "/"},
		files: func(ctx context.Context, _ *builder, scratch string) (tree, error) {
			return singleProgram(ctx, "github.com/quorate/quorate/hack/images/pause", scratch)
		},
	}
}

// singleProgram is an image with one program of this module at its root, and nothing else.
func singleProgram(ctx context.Context, importPath, scratch string) (tree, error) {
	program, err := buildProgram(ctx, importPath, scratch)
	if err != nil {
		return nil, err
	}
	files := tree{}
	files.program(program[len(scratch):], program)
	return files, nil
}
