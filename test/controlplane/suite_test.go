//go:build controlplane

// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"context"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	. "github.com/quorate/quorate/test/stage"
)

func TestControlPlane(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Control plane")
}

var _ = BeforeSuite(func(ctx context.Context) {
	Begin(ctx, "../../config/crd/bases", true)
	SetDefaultEventuallyPollingInterval(100 * time.Millisecond) // many look at once
}, NodeTimeout(20*time.Minute))
