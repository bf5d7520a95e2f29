// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build realconsul

package consul

import (
	"testing"
)

func TestRealForm(t *testing.T) {
	c := newCluster(t)
	c.form(3)
}
