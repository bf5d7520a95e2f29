// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package toolchain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Envtest returns a folder that holds kube-apiserver, etcd and kubectl side by side, as KUBEBUILDER_ASSETS wants them,
// building what is missing. The folder is named after the versions, hence its links never change their meaning.
func Envtest(ctx context.Context, progress io.Writer) (string, error) {
	paths, err := Ensure(ctx, progress, "kube-apiserver", "etcd", "kubectl")
	if err != nil {
		return "", err
	}
	cache, err := CacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "envtest", "kubernetes-"+kubernetesVersion+"-etcd-"+etcdVersion)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("making the folder of the envtest binaries: %w", err)
	}
	for name, path := range paths {
		if err := link(path, filepath.Join(dir, name)); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// link makes a symbolic link unless it is there already with the same target.
func link(target, path string) error {
	err := os.Symlink(target, path)
	if !errors.Is(err, fs.ErrExist) {
		if err != nil {
			return fmt.Errorf("linking an envtest binary: %w", err)
		}
		return nil
	}
	if found, err := os.Readlink(path); err == nil && found == target {
		return nil
	}
	// A cache that was moved: replace in one step, so that a test starting now finds either link.
	fresh := path + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing a left-over link: %w", err)
	}
	if err := os.Symlink(target, fresh); err != nil {
		return fmt.Errorf("linking an envtest binary: %w", err)
	}
	if err := os.Rename(fresh, path); err != nil {
		return fmt.Errorf("replacing the link of an envtest binary: %w", err)
	}
	return nil
}
