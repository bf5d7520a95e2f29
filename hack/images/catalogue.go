// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package images

import (
	"strings"

	"github.com/quorate/quorate/hack/toolchain"
)

// searchPath is where programs are looked for in images that have more than one.
const searchPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// catalogue lists every image, the quick ones first.
func catalogue() []spec {
	specs := []spec{pauseImage(), busyboxImage(), curlImage()}
	for _, version := range toolchain.Versions("consul") {
		specs = append(specs, consulImage(strings.TrimPrefix(version, "v")))
	}
	for _, version := range mongoVersions {
		specs = append(specs, mongoImage(version))
	}
	return append(specs, peopleImage(), quorateImage(), cassandraImage())
}
