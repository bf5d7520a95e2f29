// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build race

package controller

// stride is how far apart the effects are after which an operator dies. The
// race detector makes a run several times as long, and looks for something else
// than what each of these runs is about.
const stride = 4
