// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/internal/faultpoint"
)

// newFaultPointsCommand lists the places at which a test can have a process
// die, so that tests enumerate them from the program and not from a list.
func newFaultPointsCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "faultpoints",
		Short:  "List the fault points of this build",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, name := range faultpoint.All() {
				if _, err := fmt.Fprintln(cmd.OutOrStdout(), name); err != nil {
					return fmt.Errorf("list fault points: %w", err)
				}
			}
			return nil
		},
	}
}
