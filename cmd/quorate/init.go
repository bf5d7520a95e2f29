// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/internal/agent/initialize"
	"github.com/quorate/quorate/internal/engine"
)

func newInitCommand(reg *engine.Registry) *cobra.Command {
	return &cobra.Command{
		Use:   "init",
		Short: "Prepare a member's pod; runs in its init container",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			env, err := readEnvironment(reg)
			if err != nil {
				return err
			}
			binary, err := os.Executable()
			if err != nil {
				return fmt.Errorf("find this program's own file: %w", err)
			}
			ctx := cmd.Context() // ends when the kubelet ends the container
			return initialize.Run(ctx, env.settings, env.kit, binary, env.log)
		},
	}
}
