// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !race

package controller

// stride is how far apart the effects are after which an operator dies.
const stride = 1
