// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package images writes the container images that tests and the local cluster run, as archives that any container
// runtime loads, without a container engine: each is one layer and a configuration. The same inputs give the same
// bytes. Images that stand for public ones keep their names, paths and users, so that manifests written for those run
// unchanged; they are test equipment, not to be published.
package images

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Options say what to write and where.
type Options struct {
	// Out is the folder for the archives; it is created.
	Out string
	// Only names the images to write; empty means all but those that are written only where they are named.
	Only []string
	// Progress receives a line per image.
	Progress io.Writer
}

// spec describes one image.
type spec struct {
	name      string // of the archive, without its ending.
	reference string // under which runtimes find the image.
	config    v1.Config
	keep      bool // the archive is kept in the cache, since its inputs seldom change.
	asked     bool // it is written only where it is named: it is large, and few need it.
	// files gathers the image's files; scratch is an empty folder that lives until the archive is written.
	files func(ctx context.Context, b *builder, scratch string) (tree, error)
}

// builder carries what gathering files may need.
type builder struct {
	progress io.Writer
	cache    string // folder for archives that are kept.
}

// Names returns the names of all images, in the order in which they are written.
func Names() []string {
	var names []string
	for _, s := range catalogue() {
		names = append(names, s.name)
	}
	return names
}

// Build writes the archives. One that cannot be written stops it; archives written before stay.
func Build(ctx context.Context, options Options) error {
	specs, err := selected(options.Only)
	if err != nil {
		return err
	}
	cache, err := archiveCache()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(options.Out, 0o755); err != nil {
		return fmt.Errorf("making the folder for images: %w", err)
	}
	b := &builder{progress: options.Progress, cache: cache}
	for _, s := range specs {
		path := filepath.Join(options.Out, s.name+".tar")
		if err := b.build(ctx, s, path); err != nil {
			return fmt.Errorf("building image %s: %w", s.name, err)
		}
		if _, err := fmt.Fprintf(options.Progress, "images: %s is %s\n", path, s.reference); err != nil {
			return fmt.Errorf("reporting progress: %w", err)
		}
	}
	return nil
}

// build gathers one image's files and puts its archive at path.
func (b *builder) build(ctx context.Context, s spec, path string) (err error) {
	scratch, err := os.MkdirTemp("", "quorate-image-")
	if err != nil {
		return fmt.Errorf("making a scratch folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	files, err := s.files(ctx, b, scratch)
	if err != nil {
		return err
	}
	if !s.keep {
		return writeArchive(s, files, path)
	}
	key, err := fingerprint(s, files)
	if err != nil {
		return err
	}
	kept := filepath.Join(b.cache, s.name+"-"+key+".tar")
	if _, err := os.Stat(kept); errors.Is(err, os.ErrNotExist) {
		if err := writeArchive(s, files, kept); err != nil {
			return err
		}
	} else if err != nil {
		return fmt.Errorf("looking for a kept archive: %w", err)
	}
	return place(kept, path)
}

// selected returns the specs with the given names, or all that need not be asked for.
func selected(only []string) ([]spec, error) {
	all := catalogue()
	if len(only) == 0 {
		return slices.DeleteFunc(all, func(s spec) bool { return s.asked }), nil
	}
	var chosen []spec
	for _, name := range only {
		i := slices.IndexFunc(all, func(s spec) bool { return s.name == name })
		if i < 0 {
			return nil, fmt.Errorf("no image is called %q; known are %s", name, strings.Join(Names(), ", "))
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}
