// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Command bench measures on a real cluster what the product claims of itself.
// It is no test: it passes no verdict on figures, which depend on the machine.
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
	root := &cobra.Command{Use: "bench", Short: "Measure the product on a real cluster", SilenceUsage: true, SilenceErrors: true}
	root.AddCommand(formCommand())
	err := root.ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

func formCommand() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use: "form", Args: cobra.NoArgs,
		Short: "Time the formation of three Consul servers, by the tutorial's manifests and by a Datastore",
		RunE:  func(cmd *cobra.Command, _ []string) error { return form(cmd.Context(), o, cmd.OutOrStdout()) },
	}
	f := cmd.Flags()
	f.StringVar((*string)(&o.kind), "cluster", string(target.Local), "local, kind, or existing (that of the kubeconfig)")
	f.StringVar(&o.name, "name", "quorate-bench", "name of the cluster that is made")
	f.IntVar(&o.runs, "runs", 5, "how often each is formed")
	f.BoolVar(&o.keep, "keep", false, "leave the cluster up at the end")
	f.StringVar(&o.report, "report", "docs/benchmarks/form.md", "file to write the results to; empty for none")
	f.DurationVar(&o.quiet, "quiet", 2*time.Minute, "how long to wait, before each, for a moment when the machine has nothing else to do")
	f.StringSliceVar(&o.only, "only", nil, "form only these: ordered, parallel, datastore")
	return cmd
}
