// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package images

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"time"
)

// epoch is the time of everything in an image, so that the same files give the same image.
var epoch = time.Unix(0, 0).UTC()

// tree is the content of an image by absolute path. Folders above an entry need not be listed.
type tree map[string]node

// node is one file, folder or symbolic link.
type node struct {
	mode     fs.FileMode // type and permissions; of the permissions fs.ModeSticky is kept too.
	uid, gid int
	source   string // the file on this machine that holds the content; empty if content does.
	content  []byte
	target   string // of a link.
}

func (t tree) folder(name string, mode fs.FileMode, uid, gid int) {
	t[name] = node{mode: fs.ModeDir | mode, uid: uid, gid: gid}
}

// program adds an executable with the content of a file on this machine.
func (t tree) program(name, source string) {
	t[name] = node{mode: 0o755, source: source}
}

func (t tree) text(name, content string, mode fs.FileMode) {
	t[name] = node{mode: mode, content: []byte(content)}
}

func (t tree) link(name, target string) {
	t[name] = node{mode: fs.ModeSymlink | 0o777, target: target}
}

// complete returns the tree with the folders that are implied, owned by root.
func (t tree) complete() tree {
	full := maps.Clone(t)
	for name := range t {
		for dir := path.Dir(name); dir != "/"; dir = path.Dir(dir) {
			if _, ok := full[dir]; !ok {
				full.folder(dir, 0o755, 0, 0)
			}
		}
	}
	return full
}

// write writes the tree as a tar stream: sorted, so that folders precede what is in them, and without anything that
// differs from machine to machine.
func (t tree) write(w io.Writer) error {
	full := t.complete()
	archive := tar.NewWriter(w)
	for _, name := range slices.Sorted(maps.Keys(full)) {
		if err := full[name].write(archive, name); err != nil {
			return fmt.Errorf("adding %s: %w", name, err)
		}
	}
	if err := archive.Close(); err != nil {
		return fmt.Errorf("ending the layer: %w", err)
	}
	return nil
}

func (n node) write(archive *tar.Writer, name string) (err error) {
	content, size, err := n.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	if err := archive.WriteHeader(n.header(name, size)); err != nil {
		return fmt.Errorf("writing the header: %w", err)
	}
	if _, err := io.Copy(archive, content); err != nil {
		return fmt.Errorf("writing the content: %w", err)
	}
	return nil
}

func (n node) header(name string, size int64) *tar.Header {
	header := &tar.Header{
		Format: tar.FormatPAX, Typeflag: tar.TypeReg, Name: name[1:], Size: size,
		Mode: int64(n.mode.Perm()), Uid: n.uid, Gid: n.gid, ModTime: epoch,
	}
	if n.mode&fs.ModeSticky != 0 {
		header.Mode |= 0o1000
	}
	switch {
	case n.mode.IsDir():
		header.Typeflag, header.Name = tar.TypeDir, header.Name+"/"
	case n.mode&fs.ModeSymlink != 0:
		header.Typeflag, header.Linkname = tar.TypeSymlink, n.target
	}
	return header
}

// open returns the content, which is empty for all but files, and its size in bytes.
func (n node) open() (io.ReadCloser, int64, error) {
	if n.source == "" {
		return io.NopCloser(bytes.NewReader(n.content)), int64(len(n.content)), nil
	}
	file, err := os.Open(n.source)
	if err != nil {
		return nil, 0, fmt.Errorf("opening the content: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("sizing the content: %w", err), file.Close())
	}
	return file, info.Size(), nil
}

// open returns the tar stream for reading.
func (t tree) open() (io.ReadCloser, error) {
	reader, writer := io.Pipe()
	go func() { writer.CloseWithError(t.write(writer)) }()
	return reader, nil
}

// digest is the checksum of the tar stream.
func (t tree) digest() ([]byte, error) {
	hash := sha256.New()
	if err := t.write(hash); err != nil {
		return nil, err
	}
	return hash.Sum(nil), nil
}
