// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"log/slog"
	"os"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/quorate/quorate/hack/cluster/storage"
)

// provisionerCommand is what "up" runs in the background. It is not for people.
func provisionerCommand(flags *shared) *cobra.Command {
	return &cobra.Command{
		Use:    "provisioner",
		Short:  "Provision the cluster's volumes until told to stop",
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := flags.open()
			if err != nil {
				return err
			}
			config, err := c.RESTConfig()
			if err != nil {
				return err
			}
			log := logr.FromSlogHandler(slog.NewTextHandler(os.Stderr, nil))
			ctrl.SetLogger(log)
			klog.SetLogger(log)
			if err := storage.Run(cmd.Context(), config, storage.Options{Dir: c.Paths().Volumes(), Log: log}); err != nil {
				return fmt.Errorf("provisioning volumes of cluster %s: %w", flags.name, err)
			}
			return nil
		},
	}
}
