// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Command bench measures on a real cluster what the product claims of itself.
// It is no test: it passes no verdict on figures, which depend on the machine.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/quorate/quorate/hack/bench/faults"
	"github.com/quorate/quorate/hack/target"
)

func main() {
	// What there is to say is said as progress or as an error; libraries say that a server broke a connection.
	ctrl.SetLogger(logr.Discard())
	log.SetOutput(io.Discard)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	root := &cobra.Command{Use: "bench", Short: "Measure the product on a real cluster", SilenceUsage: true, SilenceErrors: true}
	root.AddCommand(formCommand(), faultsCommand())
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

func faultsCommand() *cobra.Command {
	var o faults.Options
	cmd := &cobra.Command{
		Use: "faults", Args: cobra.NoArgs,
		Short: "Measure what faults and planned work do to three servers, of the tutorial's manifests and of a Datastore",
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Out, o.Progress = cmd.OutOrStdout(), cmd.ErrOrStderr()
			return faults.Run(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar((*string)(&o.Kind), "cluster", string(target.Local), "local, kind, or existing (that of the kubeconfig)")
	f.StringVar(&o.Name, "name", "quorate-bench", "name of the cluster that is made")
	f.IntVar(&o.Runs, "runs", 1, "how often each is played; with 0 only the page of what would be is written")
	f.BoolVar(&o.Keep, "keep", false, "leave the cluster up at the end")
	f.BoolVar(&o.Partial, "partial", false, "write the page also where scenarios were left out, which it says")
	f.StringVar(&o.Engine, "engine", "consul", "whose servers are measured: consul, mongodb or cassandra")
	f.StringVar(&o.Report, "report", faults.EngineReport, "file to write the page to where nothing is left out; empty for none, engine for that of the engine")
	f.DurationVar(&o.Quiet, "quiet", time.Minute, "how long to wait, before each, for a moment when the machine has nothing else to do")
	f.StringVar(&o.Trace, "trace", "", "folder to write all that was seen and written to; empty for none")
	f.StringSliceVar(&o.Scenarios, "scenario", nil, "play only these")
	f.StringSliceVar(&o.Only, "only", nil, "measure only tutorial or datastore")
	return cmd
}
