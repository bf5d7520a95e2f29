// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Command images writes the container images that tests and the local cluster run, as archives.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/quorate/quorate/hack/images"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := command().ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "images:", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	options := images.Options{Progress: os.Stderr}
	cmd := &cobra.Command{
		Use:           "images",
		Short:         "Write the container images for tests and the local cluster",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return images.Build(cmd.Context(), options)
		},
	}
	cmd.Flags().StringVar(&options.Out, "out", filepath.Join("dist", "images"), "folder for the archives")
	cmd.Flags().StringSliceVar(&options.Only, "only", nil,
		"names of the images to write (default all but cassandra: "+strings.Join(images.Names(), ", ")+")")
	return cmd
}
