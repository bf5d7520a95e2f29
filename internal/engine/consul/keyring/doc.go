// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package keyring is the file in which a Consul server keeps the keys of gossip.
//
// It is on the server's volume. In it are the keys, the one that it
// encrypts with first, and reads nothing else when it starts again: the setting
// `encrypt` counts only where there is no such file. It writes the file after it
// has made a change in memory, so that the file has no key which the server lacks,
// and what a change has taken away may still be in it.
package keyring
