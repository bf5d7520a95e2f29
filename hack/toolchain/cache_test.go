// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package toolchain

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCacheDirFollowsItsVariable(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(cacheVariable, dir)
	if got, err := CacheDir(); err != nil || got != dir {
		t.Errorf("got %q, %v, want %q", got, err, dir)
	}
}

func TestCacheDirIsAbsolute(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv(cacheVariable, "here")
	got, err := CacheDir()
	if err != nil || !filepath.IsAbs(got) || filepath.Base(got) != "here" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestCacheDirWithoutHomeSaysWhatToSet(t *testing.T) {
	for _, name := range []string{cacheVariable, "HOME", "XDG_CACHE_HOME"} {
		t.Setenv(name, "")
	}
	if got, err := CacheDir(); err == nil || !strings.Contains(err.Error(), cacheVariable) {
		t.Errorf("got %q, %v, want an error that names %s", got, err, cacheVariable)
	}
}

func TestLinkIsRepeatableAndFollowsAMovedCache(t *testing.T) {
	path := filepath.Join(t.TempDir(), "etcd")
	for _, target := range []string{"/old/etcd", "/old/etcd", "/new/etcd"} {
		if err := link(target, path); err != nil {
			t.Fatal(err)
		}
		if got, err := os.Readlink(path); err != nil || got != target {
			t.Errorf("the link points to %q, %v, want %q", got, err, target)
		}
	}
}
