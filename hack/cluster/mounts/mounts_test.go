// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mounts

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const table = `22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 22 0:26 / /a\040b rw shared:1 master:2 - tmpfs tmpfs rw
31 30 0:4 net:[4026532]  /a/netns/x rw - nsfs nsfs rw
32 22 0:26 / /a rw - tmpfs tmpfs rw
33 22 0:26 / /ab rw - tmpfs tmpfs rw
`

func TestParse(t *testing.T) {
	got, err := parse(strings.NewReader(table))
	if err != nil {
		t.Fatal(err)
	}
	want := []Mount{{"/", "ext4"}, {"/a b", "tmpfs"}, {"/a/netns/x", "nsfs"}, {"/a", "tmpfs"}, {"/ab", "tmpfs"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := parse(strings.NewReader("nonsense\n")); err == nil {
		t.Error("nonsense is accepted")
	}
}

func TestBelowIsOfWholeNamesAndLastFirst(t *testing.T) {
	all, err := parse(strings.NewReader(table))
	if err != nil {
		t.Fatal(err)
	}
	if got := Below(all, "/a"); !slices.Equal(got, []string{"/a", "/a/netns/x"}) {
		t.Errorf("got %v", got)
	}
	if got := Below(all, "/none"); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

func TestThisProcessHasARoot(t *testing.T) {
	all, err := Read()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(all, func(m Mount) bool { return m.Point == "/" }) {
		t.Errorf("no root among %v", all)
	}
}
