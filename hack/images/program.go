// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package images

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// buildProgram compiles one of this module's programs for an image: static, and without paths of this machine or the
// state of its checkout, so that the same code gives the same image. Variables are set at the link, as package.name=value.
// The working directory must be in the module.
func buildProgram(ctx context.Context, importPath, folder string, variables ...string) (string, error) {
	out := filepath.Join(folder, filepath.Base(importPath))
	link := "-s -w"
	for _, variable := range variables {
		link += " -X " + variable
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", link, "-o", out,
		importPath)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("compiling %s: %w\n%s", importPath, err, strings.TrimSpace(stderr.String()))
	}
	return out, nil
}
