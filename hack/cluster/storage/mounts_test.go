// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

func TestParseMounts(t *testing.T) {
	g := NewWithT(t)
	table, err := parseMounts(strings.NewReader(
		"27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n" +
			"42 27 7:0 / /srv/a\\040b rw shared:1 master:2 - xfs /dev/loop0 rw\n" +
			"43 42 7:1 / /srv/a\\040b/c rw - xfs /dev/loop1 rw\n" +
			"44 27 7:2 / /srv/a\\040b2 rw - xfs /dev/loop2 rw\n" +
			"45 27 7:3 / /srv/a\\040b rw - xfs /dev/loop3 rw\n"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(table.at("/srv/a b")).To(Equal([]string{"/dev/loop0", "/dev/loop3"}))
	g.Expect(table.at("/srv")).To(BeEmpty())
	g.Expect(table.below("/srv/a b")).To(Equal([]string{"/srv/a b", "/srv/a b/c", "/srv/a b"}))

	_, err = parseMounts(strings.NewReader("27 1 254:0\n"))
	g.Expect(err).To(MatchError(ContainSubstring("unexpected line")))
}
