// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package images

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/quorate/quorate/hack/toolchain"
)

// archiveFormat is part of every fingerprint: raise it when archives of the same files are to be written anew.
const archiveFormat = "1"

// archiveCache returns the folder for archives whose inputs seldom change.
func archiveCache() (string, error) {
	cache, err := toolchain.CacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "images")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("making the folder for kept archives: %w", err)
	}
	return dir, nil
}

// fingerprint identifies what an archive would hold, without compressing it.
func fingerprint(s spec, files tree) (string, error) {
	layer, err := files.digest()
	if err != nil {
		return "", fmt.Errorf("reading the files: %w", err)
	}
	config, err := json.Marshal(s.config)
	if err != nil {
		return "", fmt.Errorf("rendering the configuration: %w", err)
	}
	hash := sha256.New()
	for _, part := range [][]byte{[]byte(archiveFormat), []byte(s.reference), config, layer} {
		_, _ = fmt.Fprintf(hash, "%d:%s", len(part), part) // a hash never fails.
	}
	return hex.EncodeToString(hash.Sum(nil))[:16], nil
}

// assemble makes the image: one layer and the configuration. The layer is compressed lightly, since it is loaded from
// the same disk it is written to.
func assemble(s spec, files tree) (v1.Image, error) {
	layer, err := tarball.LayerFromOpener(files.open,
		tarball.WithCompressionLevel(gzip.BestSpeed), tarball.WithCompressedCaching)
	if err != nil {
		return nil, fmt.Errorf("making the layer: %w", err)
	}
	created := v1.Time{Time: epoch}
	image, err := mutate.Append(empty.Image, mutate.Addendum{
		Layer: layer, History: v1.History{Created: created, CreatedBy: "hack/images"},
	})
	if err != nil {
		return nil, fmt.Errorf("adding the layer: %w", err)
	}
	current, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	config := current.DeepCopy()
	config.OS, config.Architecture, config.Created = "linux", runtime.GOARCH, created
	config.Config = s.config
	image, err = mutate.ConfigFile(image, config)
	if err != nil {
		return nil, fmt.Errorf("setting the configuration: %w", err)
	}
	return image, nil
}

// writeArchive writes the image's archive beside its place and moves it there in one step.
func writeArchive(s spec, files tree, place string) error {
	image, err := assemble(s, files)
	if err != nil {
		return err
	}
	tag, err := name.NewTag(s.reference, name.WeakValidation)
	if err != nil {
		return fmt.Errorf("reading the image's name: %w", err)
	}
	return atomically(place, func(w io.Writer) error { return tarball.Write(tag, image, w) })
}

// place puts a kept archive where it is wanted: as a link to the same content where the file system allows, else as a
// copy.
func place(kept, wanted string) error {
	source, err := os.Stat(kept)
	if err != nil {
		return fmt.Errorf("looking at a kept archive: %w", err)
	}
	if found, err := os.Stat(wanted); err == nil && os.SameFile(source, found) {
		return nil
	}
	if err := os.Remove(wanted); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the old archive: %w", err)
	}
	if os.Link(kept, wanted) == nil {
		return nil
	}
	file, err := os.Open(kept)
	if err != nil {
		return fmt.Errorf("opening a kept archive: %w", err)
	}
	defer func() { _ = file.Close() }() // only read.
	return atomically(wanted, func(w io.Writer) error {
		_, err := io.Copy(w, file)
		return err //nolint:wrapcheck // atomically says what was being written.
	})
}

// atomically writes a file under a passing name and renames it, so that nobody ever sees a part of it.
func atomically(place string, write func(io.Writer) error) (err error) {
	file, err := os.CreateTemp(filepath.Dir(place), ".unfinished-*")
	if err != nil {
		return fmt.Errorf("making the archive: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	if err := errors.Join(write(file), file.Chmod(0o644), file.Close()); err != nil {
		return fmt.Errorf("writing the archive: %w", err)
	}
	if err := os.Rename(file.Name(), place); err != nil {
		return fmt.Errorf("moving the archive to its place: %w", err)
	}
	return nil
}
