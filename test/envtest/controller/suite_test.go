// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package controller runs the real controller against a real API server, with
// doubles for the controllers and kubelets that make pods, and for the members.
package controller

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "github.com/quorate/quorate/test/stage"
)

func TestController(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Controller")
}

var _ = BeforeSuite(func(ctx context.Context) {
	Begin(ctx, "../../../config/crd/bases", false)
}, NodeTimeout(20*time.Minute))
