// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Command quorate is the operator and all of its helpers in one static binary:
// the manager in its Deployment, and init and agent in the pods of members.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/cassandra/node"
	"github.com/quorate/quorate/internal/engine/consul/consulagent"
	"github.com/quorate/quorate/internal/engine/mongodb/mongod"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "quorate:", err)
		os.Exit(1)
	}
}

func run() error {
	engines, err := engine.NewRegistry(consulagent.Kit(), mongod.Kit(), node.Kit())
	if err != nil {
		return fmt.Errorf("register the engines: %w", err)
	}
	root := &cobra.Command{
		Use:           "quorate",
		Short:         "An operator for replicated datastores that never costs them their quorum",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(
		newManagerCommand(engines),
		newInitCommand(engines),
		newAgentCommand(engines),
		newRunCommand(), newAttendCommand(),
		newPrestopCommand(),
		newFaultPointsCommand(),
	)
	return root.ExecuteContext(ctrl.SetupSignalHandler()) //nolint:wrapcheck // the command says what it was doing
}
