// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"log/slog"
	"os"

	"github.com/quorate/quorate/internal/agent/settings"
	"github.com/quorate/quorate/internal/engine"
)

// environment is what init and agent find in their container.
type environment struct {
	settings settings.Settings
	kit      engine.Kit
	log      *slog.Logger
}

func readEnvironment(reg *engine.Registry) (environment, error) {
	s, err := settings.FromEnv(os.LookupEnv)
	if err != nil {
		return environment{}, err
	}
	kit, err := reg.Kit(s.Engine)
	if err != nil {
		return environment{}, err
	}
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil)).With("member", s.Member, "namespace", s.Namespace)
	return environment{settings: s, kit: kit, log: log}, nil
}
