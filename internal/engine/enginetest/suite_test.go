// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package enginetest_test

import (
	"testing"

	"github.com/quorate/quorate/internal/engine/enginetest"
	"github.com/quorate/quorate/internal/engine/enginetest/document"
	"github.com/quorate/quorate/internal/engine/enginetest/raft"
)

func TestRaft(t *testing.T) {
	enginetest.Run(t, enginetest.Subject{Engine: raft.Engine{}, Model: raft.New(raft.Report)})
}

func TestDocument(t *testing.T) {
	enginetest.Run(t, enginetest.Subject{Engine: document.Engine{}, Model: document.New()})
}
