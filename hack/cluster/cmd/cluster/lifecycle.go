// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/hack/cluster"
)

func upCommand(flags *shared) *cobra.Command {
	var nodes int
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Bring the cluster up, or mend it, and wait until it can be used",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			program, err := os.Executable()
			if err != nil {
				return fmt.Errorf("finding this program: %w", err)
			}
			// Building may take many minutes, so it is done before the time is measured.
			if err := cluster.Prepare(cmd.Context(), os.Stderr); err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), flags.timeout)
			defer cancel()
			_, err = cluster.Up(ctx, cluster.Options{Name: flags.name, Nodes: nodes, Program: program, Progress: os.Stderr})
			return err
		},
	}
	cmd.Flags().IntVar(&nodes, "nodes", 0, "number of nodes; a cluster that exists can only grow (default 3, or as it is)")
	return cmd
}

func downCommand(flags *shared) *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "Remove the cluster and everything that was made for it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), flags.timeout)
			defer cancel()
			return cluster.Down(ctx, flags.name, os.Stderr)
		},
	}
}

func loadCommand(flags *shared) *cobra.Command {
	return flags.onCluster(&cobra.Command{
		Use:   "load IMAGE.tar...",
		Short: "Load image archives into every node",
		Args:  cobra.MinimumNArgs(1),
	}, func(ctx context.Context, c *cluster.Cluster, args []string) error {
		return c.Load(ctx, args...)
	})
}
