// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package images

import (
	"context"
	_ "embed"
	"fmt"
	"os/exec"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

//go:embed rootfs/curl-entrypoint.sh
var curlEntrypoint string

// curlImage is a client for HTTP with a shell beside it. The program and its libraries are the distribution's, at the
// same paths; the certificates of public authorities are not in it.
func curlImage() spec {
	const uid, gid = 100, 101
	return spec{
		name:      "curl",
		reference: "curlimages/curl:8",
		config: v1.Config{
			User: "100:101", Env: []string{searchPath}, Entrypoint: []string{"/entrypoint.sh"}, Cmd: []string{"curl"},
			WorkingDir: "/",
		},
		keep: true,
		files: func(ctx context.Context, _ *builder, _ string) (tree, error) {
			files, err := shell(ctx)
			if err != nil {
				return nil, err
			}
			files.accounts(account{name: "curl_user", uid: uid, gid: gid})
			files.text("/entrypoint.sh", curlEntrypoint, 0o755)
			return files, files.addCurl(ctx)
		},
	}
}

// addCurl adds the distribution's curl and every library that it loads.
func (t tree) addCurl(ctx context.Context) error {
	program, err := exec.LookPath("curl")
	if err != nil {
		return fmt.Errorf("looking for curl: %w", err)
	}
	output, err := exec.CommandContext(ctx, "ldd", program).Output()
	if err != nil {
		return fmt.Errorf("listing the libraries of curl: %w", err)
	}
	libraries, err := parseLibraries(string(output))
	if err != nil {
		return err
	}
	t.program("/usr/bin/curl", program)
	for _, library := range libraries {
		t.program(library, library)
	}
	return nil
}

// parseLibraries reads the paths from ldd's output. The one entry without a path, which the kernel provides, is left
// out; a library that was not found is an error.
func parseLibraries(output string) ([]string, error) {
	var libraries []string
	for line := range strings.Lines(output) {
		name, found, linked := strings.Cut(strings.TrimSpace(line), " => ")
		if linked && strings.HasPrefix(found, "not found") {
			return nil, fmt.Errorf("the library %s is not found", name)
		}
		if !linked {
			found = name
		}
		found, _, _ = strings.Cut(found, " ")
		if strings.HasPrefix(found, "/") {
			libraries = append(libraries, found)
		}
	}
	return libraries, nil
}
