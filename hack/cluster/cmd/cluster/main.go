// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Command cluster runs a Kubernetes cluster of several nodes on one Linux machine, without a container engine. See the
// package hack/cluster for what it is and is not. Results go to standard output, progress to standard error.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/quorate/quorate/hack/cluster"
	"github.com/quorate/quorate/hack/cluster/layout"
)

func main() {
	ctrl.SetLogger(logr.Discard()) // what there is to say is said as progress or as an error.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := root().ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

// shared are the flags of every subcommand.
type shared struct {
	name    string
	timeout time.Duration
}

func root() *cobra.Command {
	flags := &shared{}
	cmd := &cobra.Command{
		Use:           "cluster",
		Short:         "Run a Kubernetes cluster of several nodes on this machine, without a container engine",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	cmd.PersistentFlags().StringVar(&flags.name, "name", layout.DefaultName, "which cluster; several can be up side by side")
	cmd.PersistentFlags().DurationVar(&flags.timeout, "timeout", 5*time.Minute,
		"give up after this time (building what the cache lacks not counted)")
	cmd.AddCommand(upCommand(flags), downCommand(flags), statusCommand(flags), kubeconfigCommand(flags), loadCommand(flags),
		nodeCommand(flags), apiServerCommand(flags), runCommand(flags), provisionerCommand(flags))
	return cmd
}

// open finds the cluster that the flags mean.
func (s *shared) open() (*cluster.Cluster, error) {
	return cluster.Open(s.name, os.Stderr)
}

// onCluster is a subcommand that does something to a cluster that exists.
func (s *shared) onCluster(cmd *cobra.Command, do func(context.Context, *cluster.Cluster, []string) error) *cobra.Command {
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := s.open()
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), s.timeout)
		defer cancel()
		return do(ctx, c, args)
	}
	return cmd
}
