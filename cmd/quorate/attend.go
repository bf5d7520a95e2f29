// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/internal/attend"
)

// newAttendCommand is for what an engine writes into its template; nobody calls it by
// hand.
func newAttendCommand() *cobra.Command {
	return &cobra.Command{
		Use:    attend.Word + " ATTENDANT [-- COMMAND [ARGUMENT...]]",
		Short:  "Carry out a tool beside a server, which takes the place of this process if a command is given",
		Args:   cobra.MinimumNArgs(1),
		Hidden: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return attend.Start(args[0], args[1:], os.Environ())
			}
			return attend.Serve(cmd.Context(), args[0])
		},
	}
}
