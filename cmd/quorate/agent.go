// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"github.com/quorate/quorate/internal/agent"
	"github.com/quorate/quorate/internal/engine"
)

func newAgentCommand(reg *engine.Registry) *cobra.Command {
	return &cobra.Command{
		Use:   "agent",
		Short: "Watch over a member's server; runs as the pod's native sidecar",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			env, err := readEnvironment(reg)
			if err != nil {
				return err
			}
			ctx := cmd.Context() // ends when the kubelet ends the container
			a, err := agent.New(env.settings, env.kit, env.log)
			if err != nil {
				return err
			}
			listeners, err := agent.Listen(ctx, env.settings)
			if err != nil {
				return err
			}
			return a.Run(ctx, listeners)
		},
	}
}
