// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
)

const (
	boilerplate    = "hack/boilerplate.go.txt"
	deepcopyFile   = "api/v1alpha1/zz_generated.deepcopy.go"
	applyFolder    = "api/applyconfiguration"
	crdFolder      = "config/crd/bases"
	chartCRDFolder = "charts/quorate/crds"
	roleFile       = "config/rbac/role.yaml"
	roleFolder     = "config/rbac"
	manager        = "internal"
)

// wholeFolders hold generated files only; any other file in them is a left-over.
var wholeFolders = []string{applyFolder, crdFolder, chartCRDFolder}

// files are contents by slash-separated path below the root of the module.
type files map[string][]byte

// generate returns every generated file as it should be. The checkout is only read.
func generate(ctx context.Context, controllerGen, root string) (files, error) {
	work, err := os.MkdirTemp("", "quorate-generate-")
	if err != nil {
		return nil, fmt.Errorf("making a work folder: %w", err)
	}
	defer os.RemoveAll(work) //nolint:errcheck // A left-over in the temporary folder harms nobody.
	if err := copySources(root, work); err != nil {
		return nil, fmt.Errorf("copying the sources: %w", err)
	}
	if err := copyMarkers(root, work, manager); err != nil {
		return nil, err
	}
	for _, args := range invocations {
		if err := invoke(ctx, controllerGen, work, args); err != nil {
			return nil, err
		}
	}
	return collect(work)
}

// invocations are the runs of controller-gen.
var invocations = [][]string{
	{
		"object:headerFile=" + boilerplate,
		"applyconfiguration:headerFile=" + boilerplate,
		"crd:crdVersions=v1",
		"paths=./api/v1alpha1",
		"output:crd:dir=" + crdFolder,
	},
	{
		"rbac:roleName=manager-role",
		"paths=./" + manager,
		"output:rbac:dir=" + roleFolder,
	},
}

func invoke(ctx context.Context, controllerGen, work string, args []string) error {
	cmd := exec.CommandContext(ctx, controllerGen, args...)
	cmd.Dir = work
	// The copy is outside of any workspace that the checkout may be part of.
	cmd.Env = append(os.Environ(), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("running controller-gen %v: %w\n%s", args, err, out)
	}
	return nil
}

// collect reads what was generated in the work folder, and trims and copies the CustomResourceDefinitions.
func collect(work string) (files, error) {
	found := files{}
	for _, path := range []string{deepcopyFile, applyFolder, roleFile} {
		part, err := read(work, path)
		if err != nil {
			return nil, err
		}
		maps.Copy(found, part)
	}
	crds, err := read(work, crdFolder)
	if err != nil {
		return nil, err
	}
	for path, content := range crds {
		trimmed, err := trimDescriptions(content)
		if err != nil {
			return nil, fmt.Errorf("trimming %s: %w", path, err)
		}
		found[path] = trimmed
		found[chartCRDFolder+"/"+filepath.Base(path)] = trimmed
	}
	return found, nil
}

// read returns the file, or every file in the folder, at a path below root; nothing if there is neither.
func read(root, path string) (files, error) {
	found := files{}
	err := fs.WalkDir(os.DirFS(root), path, func(name string, entry fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil || entry.IsDir() {
			return err
		}
		found[name], err = os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		return err //nolint:wrapcheck // It names the file, and is wrapped below.
	})
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return found, nil
}
