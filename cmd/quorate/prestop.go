// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/internal/agent/prestop"
	"github.com/quorate/quorate/internal/agent/settings"
)

// defaultDrainTime must leave the server time to end within the pod's grace.
const defaultDrainTime = 20 * time.Second

// newPrestopCommand returns a command that always succeeds: the kubelet ends
// the server whatever comes of it, and only makes an event of a failure.
func newPrestopCommand() *cobra.Command {
	timeout := defaultDrainTime
	cmd := &cobra.Command{
		Use:   "prestop",
		Short: "Have the server hand over what it leads; runs in its container before it is stopped",
		Args:  cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) {
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			if err := prestop.Drain(ctx, filepath.Join(settings.RunDir, settings.SocketName)); err != nil {
				_, _ = fmt.Fprintln(cmd.ErrOrStderr(), "preStop goes on without a hand-over:", err)
				return
			}
			_, _ = fmt.Fprintln(cmd.OutOrStdout(), "the server has handed over what it led")
		},
	}
	cmd.Flags().DurationVar(&timeout, "timeout", timeout, "how long to wait for the hand-over")
	return cmd
}
