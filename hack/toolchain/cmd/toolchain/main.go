// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Command toolchain builds the third-party programs that tests and the local cluster run and tells where they are.
// Paths go to standard output, progress to standard error.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/hack/toolchain"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := root().ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "toolchain:", err)
		os.Exit(1)
	}
}

func root() *cobra.Command {
	cmd := &cobra.Command{
		Use:           "toolchain",
		Short:         "Build and find the programs that tests and the local cluster run",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	cmd.AddCommand(ensureCommand(), pathCommand(), listCommand(), envtestCommand(), debianCommand(), cassandraCommand())
	return cmd
}

func ensureCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "ensure NAME[@VERSION]...",
		Short: "Build the named tools that the cache lacks",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			_, err := toolchain.Ensure(cmd.Context(), os.Stderr, args...)
			return err
		},
	}
}

func pathCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "path NAME[@VERSION]",
		Short: "Print the absolute path of a tool, building it if need be",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			paths, err := toolchain.Ensure(cmd.Context(), os.Stderr, args[0])
			if err != nil {
				return err
			}
			return printLine(cmd, paths[args[0]])
		},
	}
}

func listCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the known tools and where the built ones are",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			entries, err := toolchain.List()
			if err != nil {
				return err
			}
			for _, entry := range entries {
				state := "not built"
				if entry.Built {
					state = entry.Path
				}
				if err := printLine(cmd, fmt.Sprintf("%-34s %s", entry.Name, state)); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func envtestCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "envtest",
		Short: "Print a folder with kube-apiserver, etcd and kubectl, for KUBEBUILDER_ASSETS",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := toolchain.Envtest(cmd.Context(), os.Stderr)
			if err != nil {
				return err
			}
			return printLine(cmd, dir)
		},
	}
}

func debianCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "debian",
		Short: "Install the Debian packages that the local cluster needs",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return toolchain.EnsureDebian(cmd.Context(), os.Stderr)
		},
	}
}

func cassandraCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "cassandra",
		Short: "Print a folder with Cassandra's jars in lib and a Java to run them as java, fetching them if need be",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := toolchain.Cassandra(cmd.Context(), os.Stderr)
			if err != nil {
				return err
			}
			return printLine(cmd, dir)
		},
	}
}

func printLine(cmd *cobra.Command, line string) error {
	if _, err := fmt.Fprintln(cmd.OutOrStdout(), line); err != nil {
		return fmt.Errorf("printing: %w", err)
	}
	return nil
}
