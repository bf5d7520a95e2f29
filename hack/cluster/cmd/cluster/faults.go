// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/hack/cluster"
)

func nodeCommand(flags *shared) *cobra.Command {
	cmd := &cobra.Command{Use: "node", Short: "Do to a node what can happen to one; it is named in full or by its number"}
	for _, verb := range []struct {
		use, short string
		do         func(*cluster.Cluster, context.Context, string) error
	}{
		{"down NODE", "Take the node's power away: its processes die, its disk stays", (*cluster.Cluster).NodeDown},
		{"up NODE", "Switch the node on and wait until it is ready", (*cluster.Cluster).NodeUp},
		{"partition NODE", "Cut the node off the network; its processes go on", (*cluster.Cluster).Partition},
		{"heal NODE", "Connect the node again and wait until it is ready", (*cluster.Cluster).Heal},
	} {
		cmd.AddCommand(flags.onCluster(&cobra.Command{Use: verb.use, Short: verb.short, Args: cobra.ExactArgs(1)},
			func(ctx context.Context, c *cluster.Cluster, args []string) error { return verb.do(c, ctx, args[0]) }))
	}
	return cmd
}

func apiServerCommand(flags *shared) *cobra.Command {
	cmd := &cobra.Command{Use: "apiserver", Short: "Take the API server away, and bring it back"}
	for _, verb := range []struct {
		use, short string
		do         func(*cluster.Cluster, context.Context) error
	}{
		{"down", "Kill the API server", (*cluster.Cluster).APIServerDown},
		{"up", "Start the API server and wait until it is ready", (*cluster.Cluster).APIServerUp},
	} {
		cmd.AddCommand(flags.onCluster(&cobra.Command{Use: verb.use, Short: verb.short, Args: cobra.NoArgs},
			func(ctx context.Context, c *cluster.Cluster, _ []string) error { return verb.do(c, ctx) }))
	}
	return cmd
}
