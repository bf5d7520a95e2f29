// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package toolchain

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// fakeCompile writes the tool's key as the executable and counts.
func fakeCompile(count *atomic.Int32) func(context.Context, tool, string) (string, error) {
	return func(_ context.Context, t tool, work string) (string, error) {
		count.Add(1)
		path := filepath.Join(work, t.name)
		return path, os.WriteFile(path, []byte(t.key()), 0o755)
	}
}

func mustEnsure(t *testing.T, b builder, names ...string) map[string]string {
	t.Helper()
	paths, err := b.ensure(t.Context(), names)
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func TestEnsureBuildsOnceAndTellsProgress(t *testing.T) {
	var count atomic.Int32
	var progress bytes.Buffer
	b := builder{cache: t.TempDir(), progress: &progress, compile: fakeCompile(&count)}
	paths := mustEnsure(t, b, "consul", "consul@1.21.5", "etcd")
	for name, key := range map[string]string{
		"consul": "consul@" + consulVersion, "consul@1.21.5": "consul@v1.21.5", "etcd": "etcd@" + etcdVersion,
	} {
		if content, err := os.ReadFile(paths[name]); err != nil || string(content) != key {
			t.Errorf("%s holds %q, %v, want %q", name, content, err, key)
		}
	}
	want := filepath.Join(b.cache, "tools", "consul", consulVersion, "consul")
	if paths["consul"] != want {
		t.Errorf("consul is at %s, want %s", paths["consul"], want)
	}
	for _, text := range []string{"1/3 consul@", "3/3 etcd@", "building", "built in"} {
		if !strings.Contains(progress.String(), text) {
			t.Errorf("progress lacks %q:\n%s", text, progress.String())
		}
	}
	progress.Reset()
	mustEnsure(t, b, "consul", "etcd")
	if count.Load() != 3 || progress.Len() != 0 {
		t.Errorf("%d builds, want 3; a warm run said %q", count.Load(), progress.String())
	}
}

func TestEnsureBuildsOnceForTwoAtATime(t *testing.T) {
	var count atomic.Int32
	cache := t.TempDir()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			b := builder{cache: cache, progress: new(bytes.Buffer), compile: fakeCompile(&count)}
			if _, err := b.ensure(t.Context(), []string{"etcd", "kwok"}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if count.Load() != 2 {
		t.Errorf("%d builds, want 2", count.Load())
	}
}

func TestFailedBuildLeavesNothing(t *testing.T) {
	failure := errors.New("no such package")
	var count atomic.Int32
	cache := t.TempDir()
	b := builder{cache: cache, progress: new(bytes.Buffer)}
	b.compile = func(_ context.Context, t tool, work string) (string, error) {
		path := filepath.Join(work, t.name)
		if err := os.WriteFile(path, []byte("half"), 0o755); err != nil {
			return "", err
		}
		return path, failure
	}
	if _, err := b.ensure(t.Context(), []string{"etcd"}); !errors.Is(err, failure) ||
		!strings.Contains(err.Error(), "etcd@"+etcdVersion) {
		t.Fatalf("got %v, want the failure with the tool's name", err)
	}
	if built, err := isBuilt(filepath.Join(cache, "tools", "etcd", etcdVersion, "etcd")); err != nil || built {
		t.Fatalf("a failed build counts as built: %v, %v", built, err)
	}
	if left := workFolders(t, cache); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	b.compile = fakeCompile(&count)
	mustEnsure(t, b, "etcd")
	if count.Load() != 1 {
		t.Error("the failed build was not done again")
	}
}

func TestInterruptedBuildIsNotReused(t *testing.T) {
	var count atomic.Int32
	cache := t.TempDir()
	half := filepath.Join(cache, "tools", ".unfinished-dead", "bin", "etcd")
	if err := os.MkdirAll(filepath.Dir(half), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(half, []byte("half"), 0o755); err != nil {
		t.Fatal(err)
	}
	compileFake := fakeCompile(&count)
	b := builder{cache: cache, progress: new(bytes.Buffer)}
	b.compile = func(ctx context.Context, tl tool, work string) (string, error) {
		if entries, err := os.ReadDir(work); err != nil || len(entries) != 0 {
			t.Errorf("the work folder holds %v, %v", entries, err)
		}
		if found := workFolders(t, cache); len(found) != 1 || found[0] != work {
			t.Errorf("work folders are %v, want %s alone", found, work)
		}
		return compileFake(ctx, tl, work)
	}
	mustEnsure(t, b, "etcd")
	if count.Load() != 1 {
		t.Errorf("%d builds, want 1", count.Load())
	}
}

func workFolders(t *testing.T, cache string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(cache, "tools", workPattern))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestEnsureStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	b := builder{cache: t.TempDir(), progress: new(bytes.Buffer)}
	b.compile = func(ctx context.Context, _ tool, work string) (string, error) {
		cancel()
		_, err := runGo(ctx, work, nil, "version")
		return "", err
	}
	if _, err := b.ensure(ctx, []string{"etcd", "kwok"}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's end", err)
	}
}
