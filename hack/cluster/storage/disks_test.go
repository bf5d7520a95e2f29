// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"github.com/quorate/quorate/hack/cluster/mounts"
)

const mebibyte = 1 << 20

// newDisks returns disks in a directory of the test's own, cleaned up after it.
func newDisks(t *testing.T) disks {
	t.Helper()
	d, err := openDir(filepath.Join(t.TempDir(), "volumes"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := Cleanup(d.dir); err != nil {
			t.Error(err)
		}
	})
	return d
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
}

// fill writes to a new file until the error that it returns, and says how many bytes went in.
func fill(path string) (int64, error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	var written int64
	block := []byte(strings.Repeat("quorate\n", 8192))
	for err == nil {
		var n int
		n, err = f.Write(block)
		written += int64(n)
	}
	return written, errors.Join(err, f.Close())
}

// loopDevices returns the files below the directory that loop devices are attached to.
func loopDevices(dir string) ([]string, error) {
	files, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	var found []string
	for _, file := range files {
		if backing, err := os.ReadFile(file); err == nil && strings.HasPrefix(string(backing), dir) {
			found = append(found, strings.TrimSpace(string(backing)))
		}
	}
	return found, err
}

func mountsBelow(dir string) ([]string, error) {
	table, err := mounts.Read()
	return mounts.Below(table, dir), err
}

func totalBytes(g Gomega, path string) int64 {
	var stat unix.Statfs_t
	g.Expect(unix.Statfs(path, &stat)).To(Succeed())
	return int64(stat.Blocks) * stat.Bsize
}

func TestSizedVolumeFillsGrowsAndGoes(t *testing.T) {
	needRoot(t)
	g := NewWithT(t)
	ctx := t.Context()
	d := newDisks(t)
	p := place{node: "node1", volume: "pvc-1"}

	g.Expect(d.create(ctx, p, image, 16*mebibyte)).To(Succeed())
	g.Expect(totalBytes(g, d.path(p))).To(And(BeNumerically(">=", 11*mebibyte), BeNumerically("<=", 16*mebibyte)))
	entries, err := os.ReadDir(d.path(p))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(entries).To(HaveLen(1))
	g.Expect(entries[0].Name()).To(Equal("lost+found"))

	first, err := fill(filepath.Join(d.path(p), "first"))
	g.Expect(err).To(MatchError(syscall.ENOSPC))
	g.Expect(first).To(BeNumerically(">", 10*mebibyte))

	// Making it again, as after a crash before its object was made, takes nothing away; growing is done in use.
	g.Expect(d.create(ctx, p, image, 16*mebibyte)).To(Succeed())
	g.Expect(d.grow(ctx, p, image, 48*mebibyte)).To(Succeed())
	g.Expect(d.grow(ctx, p, image, 48*mebibyte)).To(Succeed(), "growing is repeatable")
	g.Expect(d.grow(ctx, p, image, 32*mebibyte)).To(Succeed(), "a smaller size is no change")
	g.Expect(totalBytes(g, d.path(p))).To(And(BeNumerically(">=", 43*mebibyte), BeNumerically("<=", 48*mebibyte)))
	second, err := fill(filepath.Join(d.path(p), "second"))
	g.Expect(err).To(MatchError(syscall.ENOSPC))
	g.Expect(second).To(BeNumerically(">", 30*mebibyte))
	info, err := os.Stat(filepath.Join(d.path(p), "first"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(info.Size()).To(Equal(first))

	g.Expect(d.remove(p)).To(Succeed())
	g.Expect(d.remove(p)).To(Succeed(), "removing is repeatable")
	g.Expect(mountsBelow(d.dir)).To(BeEmpty())
	g.Eventually(func() ([]string, error) { return loopDevices(d.dir) }).Should(BeEmpty())
	g.Expect(os.ReadDir(filepath.Dir(d.path(p)))).To(BeEmpty())
}

func TestSizedVolumeKeepsItsDataOverARestartOfTheHost(t *testing.T) {
	needRoot(t)
	g := NewWithT(t)
	d := newDisks(t)
	p := place{node: "node1", volume: "pvc-1"}
	g.Expect(d.create(t.Context(), p, image, 16*mebibyte)).To(Succeed())
	file := filepath.Join(d.path(p), "data")
	g.Expect(os.WriteFile(file, []byte("kept"), 0o600)).To(Succeed())

	g.Expect(unmount(d.path(p))).To(Succeed())
	g.Expect(d.grow(t.Context(), p, image, 32*mebibyte)).To(MatchError(ContainSubstring("not mounted")))
	g.Expect(d.attach(t.Context(), p, image)).To(Succeed())
	g.Expect(d.attach(t.Context(), p, image)).To(Succeed(), "mounting is repeatable")
	g.Expect(mountsBelow(d.dir)).To(HaveLen(1))
	g.Expect(os.ReadFile(file)).To(Equal([]byte("kept")))
	g.Expect(d.grow(t.Context(), p, image, 32*mebibyte)).To(Succeed())
	g.Expect(totalBytes(g, d.path(p))).To(BeNumerically(">=", 27*mebibyte))

	g.Expect(unmount(d.path(p))).To(Succeed())
	g.Expect(os.Remove(d.image(p))).To(Succeed())
	g.Expect(d.attach(t.Context(), p, image)).NotTo(Succeed(), "a lost image is never replaced by an empty one")
}

func TestSizedVolumeIsMadeAgainAfterAnInterruptedAttempt(t *testing.T) {
	needRoot(t)
	g := NewWithT(t)
	d := newDisks(t)
	p, elsewhere := place{node: "node1", volume: "pvc-1"}, place{node: "node2", volume: "pvc-1"}
	g.Expect(d.create(t.Context(), elsewhere, image, 16*mebibyte)).To(Succeed())
	g.Expect(os.MkdirAll(d.path(p), 0o755)).To(Succeed())
	g.Expect(os.WriteFile(d.unfinished(p), []byte("half a file system"), 0o600)).To(Succeed())

	g.Expect(d.create(t.Context(), p, image, 16*mebibyte)).To(Succeed())
	g.Expect(mountsBelow(d.dir)).To(Equal([]string{d.path(p)}), "the other node's attempt is gone")
	g.Expect(d.image(elsewhere)).NotTo(BeAnExistingFile())
	g.Expect(d.path(elsewhere)).NotTo(BeAnExistingFile())

	// The process may have ended between the image and its mount, with the claim grown since.
	g.Expect(unmount(d.path(p))).To(Succeed())
	g.Expect(d.create(t.Context(), p, image, 24*mebibyte)).To(Succeed())
	g.Expect(totalBytes(g, d.path(p))).To(BeNumerically(">=", 19*mebibyte))
}

func TestCreateSaysWhichProgramFailed(t *testing.T) {
	needRoot(t)
	g := NewWithT(t)
	d := newDisks(t)
	p := place{node: "node1", volume: "pvc-1"}
	g.Expect(d.create(t.Context(), p, image, 1*mebibyte)).To(MatchError(ContainSubstring("mkfs.xfs")))
	g.Expect(d.image(p)).NotTo(BeAnExistingFile())
	t.Setenv("PATH", "")
	g.Expect(d.create(t.Context(), p, image, 16*mebibyte)).To(MatchError(ContainSubstring("not found")))
}

func TestCleanupLeavesNothing(t *testing.T) {
	needRoot(t)
	g := NewWithT(t)
	d := newDisks(t)
	busy := place{node: "node1", volume: "pvc-1"}
	g.Expect(d.create(t.Context(), busy, image, 16*mebibyte)).To(Succeed())
	g.Expect(d.create(t.Context(), place{node: "node1", volume: "pvc-2"}, directory, 1)).To(Succeed())
	g.Expect(d.create(t.Context(), place{node: "node2", volume: "pvc-3"}, image, 16*mebibyte)).To(Succeed())
	open, err := os.Create(filepath.Join(d.path(busy), "open"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(d.remove(busy)).To(MatchError(syscall.EBUSY), "a volume in use is not removed singly")

	g.Expect(Cleanup(d.dir)).To(Succeed())
	g.Expect(mountsBelow(d.dir)).To(BeEmpty())
	g.Expect(d.dir).NotTo(BeAnExistingFile())
	g.Expect(Cleanup(d.dir)).To(Succeed(), "cleaning up is repeatable")
	g.Expect(os.Mkdir(d.dir, 0o755)).To(Succeed())
	g.Expect(Cleanup(d.dir)).To(Succeed(), "an empty directory is what an interrupted removal leaves")
	g.Expect(d.dir).NotTo(BeAnExistingFile())

	g.Expect(open.Close()).To(Succeed())
	g.Eventually(func() ([]string, error) { return loopDevices(d.dir) }).WithTimeout(10 * time.Second).Should(BeEmpty())
}

func TestCleanupRefusesWhatIsNotItsOwn(t *testing.T) {
	g := NewWithT(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "precious")
	g.Expect(os.WriteFile(file, nil, 0o600)).To(Succeed())
	g.Expect(Cleanup(dir)).To(MatchError(ContainSubstring("nothing was removed")))
	g.Expect(file).To(BeAnExistingFile())
	_, err := openDir(dir)
	g.Expect(err).To(MatchError(ContainSubstring("not empty")))
	_, err = openDir("")
	g.Expect(err).To(HaveOccurred())
	g.Expect(Run(context.Background(), nil, Options{Dir: dir})).To(MatchError(ContainSubstring("not empty")))
}
