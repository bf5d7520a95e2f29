// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Command demo shows Quorate's main job on a real cluster, as a person would
// do it by hand: every command that it runs is shown. It can be run again, and
// leaves everything up until it is run with --down.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/hack/target"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command().ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "\ndemo: %v\nDEMO FAILED\n", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	var kind, engine, name, mongodb string
	var down bool
	cmd := &cobra.Command{
		Use: "demo", Short: "Show the main job on a real cluster", Args: cobra.NoArgs, SilenceUsage: true, SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			t, err := target.New(cmd.Context(), target.Kind(kind), name, ".", os.Stdout)
			if err != nil {
				return fmt.Errorf("prepare the demo: %w", err)
			}
			d := &demo{Target: t, begin: time.Now()}
			if d.sample, err = sampleOf(d, engine); err != nil {
				return err
			}
			if d.server, err = t.MongoDB(mongodb); err != nil {
				return fmt.Errorf("prepare the demo: %w", err)
			}
			if down {
				return d.down(cmd.Context())
			}
			return d.run(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&kind, "cluster", string(target.Local), "local, kind, or existing (that of the kubeconfig)")
	cmd.Flags().StringVar(&engine, "engine", "consul", "which engine's sample to show")
	cmd.Flags().StringVar(&name, "name", "quorate", "name of the cluster that is made")
	cmd.Flags().StringVar(&mongodb, "mongodb", "", "double or real: the server of MongoDB (default: the double on the local cluster, the real one elsewhere)")
	cmd.Flags().BoolVar(&down, "down", false, "remove everything that the demo made")
	return cmd
}
