// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/hack/cluster"
)

func statusCommand(flags *shared) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show what runs; fails if anything is missing",
		Args:  cobra.NoArgs,
	}
	return flags.onCluster(cmd, func(ctx context.Context, c *cluster.Cluster, _ []string) error {
		status, err := c.Status(ctx)
		if err != nil {
			return err
		}
		if err := printStatus(cmd.OutOrStdout(), c, status); err != nil {
			return err
		}
		if !status.Healthy() {
			return errors.New("something is missing; mend it with: cluster up")
		}
		return nil
	})
}

func printStatus(out io.Writer, c *cluster.Cluster, status cluster.Status) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(format string, args ...any) { _, _ = fmt.Fprintf(table, format+"\n", args...) } // Flush returns its error.
	line("NODE\tADDRESS\tPOWER\tNETWORK\tREADY")
	for _, node := range status.Nodes {
		ready := string(node.Ready)
		if ready == "" {
			ready = "-"
		}
		line("%s\t%s\t%s\t%s\t%s", node.Name, node.Address, choose(node.On, "on", "off"),
			choose(node.Connected, "connected", "cut off"), ready)
	}
	line("\nPROCESS\tPID")
	for _, process := range status.Processes {
		line("%s\t%s", process.Name, choose(process.PID != 0, fmt.Sprint(process.PID), "gone"))
	}
	line("\nAPI server: %s", choose(status.APIReady, "ready", "not ready"))
	line("kubeconfig: %s", c.Kubeconfig())
	line("logs: %s", c.Paths().Log("*"))
	if err := table.Flush(); err != nil {
		return fmt.Errorf("printing the status: %w", err)
	}
	return nil
}

func choose(condition bool, yes, no string) string {
	if condition {
		return yes
	}
	return no
}

func kubeconfigCommand(flags *shared) *cobra.Command {
	var content bool
	cmd := &cobra.Command{
		Use:   "kubeconfig",
		Short: "Print the path of the administrator's kubeconfig, or what is in it",
		Args:  cobra.NoArgs,
	}
	cmd.Flags().BoolVar(&content, "print", false, "print what is in it")
	return flags.onCluster(cmd, func(_ context.Context, c *cluster.Cluster, _ []string) error {
		text := c.Kubeconfig() + "\n"
		if content {
			read, err := os.ReadFile(c.Kubeconfig())
			if err != nil {
				return fmt.Errorf("reading the kubeconfig: %w", err)
			}
			text = string(read)
		}
		if _, err := io.WriteString(cmd.OutOrStdout(), text); err != nil {
			return fmt.Errorf("printing: %w", err)
		}
		return nil
	})
}

func runCommand(flags *shared) *cobra.Command {
	var node string
	cmd := &cobra.Command{
		Use:   "run -- COMMAND [ARGUMENT...]",
		Short: "Run a command of this machine inside the control plane's network, or on a node",
		Long: "Run a command of this machine inside the control plane's network, or with --node in a node's network and with\n" +
			"its mounts. To reach the cluster it is not needed: this machine is on its network. KUBECONFIG is set.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			c, err := flags.open()
			if err != nil {
				return err
			}
			line, err := c.Inside(node, args...)
			if err != nil {
				return err
			}
			path, err := exec.LookPath(line[0])
			if err != nil {
				return fmt.Errorf("looking for %s: %w", line[0], err)
			}
			// The command takes this program's place, with its terminal and its signals.
			if err := syscall.Exec(path, line, append(os.Environ(), "KUBECONFIG="+c.Kubeconfig())); err != nil {
				return fmt.Errorf("running %s: %w", args[0], err)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&node, "node", "", "the node to run it on, in full or by its number")
	return cmd
}
