// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/internal/agent/launch"
	"github.com/quorate/quorate/internal/agent/settings"
)

func newRunCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "run -- COMMAND [ARGUMENT...]",
		Short: "Become the member's server as soon as the agent lets it start",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context() // ends when the kubelet ends the container
			err := launch.Server(ctx, settings.RunDir, args, os.Environ())
			// A pod that is deleted while its server waits is no failure.
			if ctx.Err() != nil {
				return nil
			}
			return err
		},
	}
}
