// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package toolchain

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/modfile"
)

// rendered is what matters of a scratch go.mod.
type rendered struct {
	Module, Go, Toolchain string
	Require, Replace      map[string]string
	Exclude               []string
	Godebug               []string
	Tools                 int
}

func render(t *testing.T, upstream string, tl tool) rendered {
	t.Helper()
	out, err := scratchModule([]byte(upstream), tl)
	if err != nil {
		t.Fatal(err)
	}
	file, err := modfile.Parse("go.mod", out, nil)
	if err != nil {
		t.Fatalf("the result does not parse: %v\n%s", err, out)
	}
	r := rendered{
		Module: file.Module.Mod.Path, Go: file.Go.Version,
		Require: map[string]string{}, Replace: map[string]string{}, Tools: len(file.Tool),
	}
	if file.Toolchain != nil {
		r.Toolchain = file.Toolchain.Name
	}
	for _, line := range file.Require {
		r.Require[line.Mod.Path] = line.Mod.Version
	}
	for _, line := range file.Replace {
		r.Replace[line.Old.Path] = strings.TrimSuffix(line.New.Path+"@"+line.New.Version, "@")
	}
	for _, line := range file.Exclude {
		r.Exclude = append(r.Exclude, line.Mod.String())
	}
	for _, line := range file.Godebug {
		r.Godebug = append(r.Godebug, line.Key+"="+line.Value)
	}
	return r
}

func TestScratchModuleReplacesPlaceholdersByStagingVersions(t *testing.T) {
	got := render(t, `module example.test/big

go 1.26.0

godebug default=go1.26

require (
	example.test/api v0.0.0
	example.test/other v1.2.3 // indirect
)

replace (
	example.test/api => ./staging/api
	example.test/unused => ./staging/unused
)
`, tool{module: "example.test/big", version: "v1.36.3", staging: "v0.36.3"})
	want := rendered{
		Module: scratchModulePath, Go: "1.26.0", Godebug: []string{"default=go1.26"},
		Require: map[string]string{
			"example.test/api": "v0.0.0", "example.test/other": "v1.2.3", "example.test/big": "v1.36.3",
		},
		Replace: map[string]string{"example.test/api": "example.test/api@v0.36.3"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestScratchModuleKeepsRequirementsExclusionsAndForks(t *testing.T) {
	got := render(t, `module example.test/server

go 1.25.5

toolchain go1.99.0

tool example.test/server/gen

replace (
	example.test/server/api => ./api
	example.test/pkg => ../pkg
	example.test/lib => example.test/fork v1.0.1
)

exclude (
	example.test/msgpack v1.1.5 // breaks
	example.test/msgpack v1.1.6
)

require (
	example.test/server/api v1.33.2
	example.test/pkg v1.7.3
	example.test/lib v1.0.0
)
`, tool{module: "example.test/server", version: "v1.22.3"})
	want := rendered{
		Module: scratchModulePath, Go: "1.25.5",
		Require: map[string]string{
			"example.test/server/api": "v1.33.2", "example.test/pkg": "v1.7.3", "example.test/lib": "v1.0.0",
			"example.test/server": "v1.22.3",
		},
		Replace: map[string]string{"example.test/lib": "example.test/fork@v1.0.1"},
		Exclude: []string{"example.test/msgpack@v1.1.5", "example.test/msgpack@v1.1.6"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestScratchModuleOverridesWhatUpstreamRequires(t *testing.T) {
	got := render(t, `module example.test/server

go 1.25.0

replace (
	example.test/server/api => ./api
	example.test/server/sdk => ./sdk
)

require (
	example.test/server/api v0.8.4
	example.test/server/sdk v0.16.3
)
`, tool{
		module: "example.test/server", version: "v1.21.5",
		overrides: map[string]string{"example.test/server/api": "v0.7.3"},
	})
	want := map[string]string{"example.test/server/api": "example.test/server/api@v0.7.3"}
	if diff := cmp.Diff(want, got.Replace); diff != "" {
		t.Error(diff)
	}
}

func TestScratchModuleRefusesAPlaceholderWithoutStagingVersion(t *testing.T) {
	_, err := scratchModule([]byte(`module example.test/big

go 1.26.0

require example.test/api v0.0.0

replace example.test/api => ./api
`), tool{module: "example.test/big", version: "v1.0.0"})
	if err == nil || !strings.Contains(err.Error(), "example.test/api") {
		t.Errorf("got error %v, want one that names example.test/api", err)
	}
}
