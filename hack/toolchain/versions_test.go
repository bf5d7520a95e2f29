// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package toolchain

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/semver"
)

func TestCatalogueKeysAreUniqueAndVersionsValid(t *testing.T) {
	seen := map[string]bool{}
	for _, tl := range catalogue() {
		if seen[tl.key()] {
			t.Errorf("%s occurs twice", tl.key())
		}
		seen[tl.key()] = true
		if !semver.IsValid(tl.version) {
			t.Errorf("%s: not a version", tl.key())
		}
	}
}

func TestStagingVersionBelongsToTheKubernetesVersion(t *testing.T) {
	if want := "v0." + strings.TrimPrefix(kubernetesVersion, "v1."); kubernetesStaging != want {
		t.Errorf("staging version %s, want %s for Kubernetes %s", kubernetesStaging, want, kubernetesVersion)
	}
	tl, err := find("kubelet")
	if err != nil {
		t.Fatal(err)
	}
	major, minor, _ := strings.Cut(strings.TrimPrefix(semver.MajorMinor(kubernetesVersion), "v"), ".")
	for _, stamp := range []string{"gitMajor=" + major, "gitMinor=" + minor, "gitVersion=" + kubernetesVersion} {
		if !slices.Contains(tl.stamps, "k8s.io/component-base/version."+stamp) {
			t.Errorf("kubelet is not stamped with %s: %v", stamp, tl.stamps)
		}
	}
}

func TestFind(t *testing.T) {
	for query, want := range map[string]string{
		"consul":         "consul@" + consulVersion,
		"consul@1.21.5":  "consul@v1.21.5",
		"consul@v1.21.5": "consul@v1.21.5",
		"etcd":           "etcd@" + etcdVersion,
	} {
		got, err := find(query)
		if err != nil {
			t.Errorf("%s: %v", query, err)
		} else if got.key() != want {
			t.Errorf("%s is %s, want %s", query, got.key(), want)
		}
	}
	for _, query := range []string{"consul@0.1.0", "nothing", "", "@v1.0.0"} {
		if got, err := find(query); err == nil {
			t.Errorf("%q is %s, want an error", query, got.key())
		} else if !strings.Contains(err.Error(), "consul@"+consulVersion) {
			t.Errorf("%q: the error does not list the known tools: %v", query, err)
		}
	}
}

func TestFindAllDropsRepetitions(t *testing.T) {
	got, err := findAll([]string{"etcd", "consul", "etcd@" + etcdVersion})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].name != "etcd" || got[1].name != "consul" {
		t.Errorf("got %v", got)
	}
}

func TestMissingPackages(t *testing.T) {
	query := "runc installed\nsocat config-files\niproute2 installed\nbusybox-static not-installed\n"
	got := missingPackages(debianPackages, []byte(query))
	want := slices.DeleteFunc(slices.Clone(debianPackages), func(name string) bool {
		return name == "runc" || name == "iproute2"
	})
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
