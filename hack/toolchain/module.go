// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package toolchain

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
)

// scratchModulePath names the throw-away module in which a tool is built.
const scratchModulePath = "quorate.local/scratch"

// scratchModule renders the go.mod in which a tool is built, from the go.mod of the tool's own module: the same
// requirements, exclusions and replacements, so that the tool gets the dependencies that its authors released it with
// and none of them enters this project's module. What differs:
//   - the tool's module itself is required;
//   - a replacement by a folder falls away, since the folder is not in the published module; the requirement that
//     stands beside it is used, or, where that is only a placeholder (v0.0.0), the staging version;
//   - the tool's overrides, if it has any, take the place of what upstream requires;
//   - toolchain and tool lines are left out: the Go release at hand builds everything.
func scratchModule(upstream []byte, t tool) ([]byte, error) {
	file, err := modfile.Parse(t.module+"/go.mod", upstream, nil)
	if err != nil {
		return nil, fmt.Errorf("reading the go.mod of %s: %w", t.module, err)
	}
	if err := file.AddModuleStmt(scratchModulePath); err != nil {
		return nil, fmt.Errorf("naming the scratch module of %s: %w", t.module, err)
	}
	file.DropToolchainStmt()
	if err := dropToolLines(file); err != nil {
		return nil, err
	}
	if err := publishReplacements(file, t); err != nil {
		return nil, err
	}
	for _, path := range slices.Sorted(maps.Keys(t.overrides)) {
		if err := file.AddReplace(path, "", path, t.overrides[path]); err != nil {
			return nil, fmt.Errorf("overriding %s: %w", path, err)
		}
	}
	if err := file.AddRequire(t.module, t.version); err != nil {
		return nil, fmt.Errorf("requiring %s: %w", t.module, err)
	}
	file.Cleanup()
	out, err := file.Format()
	if err != nil {
		return nil, fmt.Errorf("rendering the scratch go.mod of %s: %w", t.module, err)
	}
	return out, nil
}

func dropToolLines(file *modfile.File) error {
	paths := make([]string, 0, len(file.Tool))
	for _, line := range file.Tool {
		paths = append(paths, line.Path)
	}
	for _, path := range paths {
		if err := file.DropTool(path); err != nil {
			return fmt.Errorf("leaving out the tool line of %s: %w", path, err)
		}
	}
	return nil
}

// publishReplacements turns replacements by folders into requirements that the module proxy can serve.
func publishReplacements(file *modfile.File, t tool) error {
	required := make(map[string]string, len(file.Require))
	for _, line := range file.Require {
		required[line.Mod.Path] = line.Mod.Version
	}
	for _, line := range append([]*modfile.Replace(nil), file.Replace...) {
		if !isFolder(line.New.Path) {
			continue
		}
		path, fixed := line.Old.Path, line.Old.Version
		version, needed := required[path]
		if needed && version == "v0.0.0" {
			if t.staging == "" {
				return fmt.Errorf("%s requires %s at a placeholder version and no staging version is known",
					t.module, path)
			}
			if err := file.AddReplace(path, fixed, path, t.staging); err != nil {
				return fmt.Errorf("replacing %s: %w", path, err)
			}
			continue
		}
		if err := file.DropReplace(path, fixed); err != nil {
			return fmt.Errorf("dropping the replacement of %s: %w", path, err)
		}
	}
	return nil
}

func isFolder(path string) bool {
	return strings.HasPrefix(path, "./") || strings.HasPrefix(path, "../") || strings.HasPrefix(path, "/")
}
