// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package toolchain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// debianPackages are what the local cluster takes from Debian: container runtime and network plug-ins, the programs
// that kubelet and kube-proxy call, and a static shell and curl for images.
var debianPackages = []string{
	"runc", "containernetworking-plugins", "iptables", "ipset", "conntrack", "iproute2", "socat", "xfsprogs", "mount",
	"busybox-static", "curl",
}

// EnsureDebian installs the Debian packages that are missing, and does nothing when all are there. The package lists
// are refreshed only when an installation with the lists at hand fails. Installing needs root; nothing here becomes
// root by itself.
func EnsureDebian(ctx context.Context, progress io.Writer) error {
	return ensurePackages(ctx, progress, debianPackages)
}

func ensurePackages(ctx context.Context, progress io.Writer, packages []string) error {
	output, err := exec.CommandContext(ctx, "dpkg-query", append([]string{
		"--show", "--showformat=${Package} ${db:Status-Status}\n"}, packages...)...).Output()
	// It fails when it knows nothing of one of the packages, but still lists the others.
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		return fmt.Errorf("asking which of the Debian packages %s are installed: %w",
			strings.Join(packages, " "), err)
	}
	missing := missingPackages(packages, output)
	if len(missing) == 0 {
		return nil
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("root is needed to install packages; run: apt-get install -y %s", strings.Join(missing, " "))
	}
	if _, err := fmt.Fprintf(progress, "toolchain: installing %s\n", strings.Join(missing, " ")); err != nil {
		return fmt.Errorf("reporting progress: %w", err)
	}
	install := append([]string{"install", "-y", "--no-install-recommends"}, missing...)
	if aptGet(ctx, install...) == nil {
		return nil
	}
	if err := aptGet(ctx, "update"); err != nil {
		return err
	}
	return aptGet(ctx, install...)
}

// missingPackages returns the wanted packages that dpkg-query does not report as installed, in their order.
func missingPackages(packages []string, query []byte) []string {
	installed := make(map[string]bool, len(packages))
	for line := range strings.Lines(string(query)) {
		name, status, _ := strings.Cut(strings.TrimSpace(line), " ")
		if status == "installed" {
			installed[name] = true
		}
	}
	var missing []string
	for _, name := range packages {
		if !installed[name] {
			missing = append(missing, name)
		}
	}
	return missing
}

func aptGet(ctx context.Context, args ...string) error {
	var output bytes.Buffer
	cmd := exec.CommandContext(ctx, "apt-get", args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("running apt-get %s: %w\n%s", args[0], err, lastLines(output.String(), 20))
	}
	return nil
}
