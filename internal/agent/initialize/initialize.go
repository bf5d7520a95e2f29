// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package initialize is the init container: it writes what the member's server
// reads, before anything else of the pod runs.
//
// It runs again in the same pod after a restart of its sandbox, with what it
// wrote before still there, and comes to the same end.
package initialize

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/quorate/quorate/internal/agent/atomicfile"
	"github.com/quorate/quorate/internal/agent/hold"
	"github.com/quorate/quorate/internal/agent/settings"
	"github.com/quorate/quorate/internal/agent/volume"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/faultpoint"
)

var (
	held         = faultpoint.New("init.held")
	filesWritten = faultpoint.New("init.files-written")
)

// Run prepares one pod. Binary is the program to copy for the server's
// container.
//
// A volume that is not this member's is no error, which would only have the
// container restarted for ever: Run leaves a note for the agent, which reports
// it and never lets the server start.
func Run(ctx context.Context, s settings.Settings, kit engine.Kit, binary string, log *slog.Logger) error {
	// The hold comes first: whatever fails below, no server starts.
	if err := hold.Dir(s.RunDir).Prepare(); err != nil {
		return fmt.Errorf("hold the server back: %w", err)
	}
	held.Reach()
	if err := copyBinary(binary, filepath.Join(s.RunDir, settings.BinaryName)); err != nil {
		return fmt.Errorf("copy the program for the server's container: %w", err)
	}
	mine, err := inspect(s, kit.Renderer, log)
	if err != nil || !mine {
		return err
	}
	input, err := memberInput(ctx, s, kit.Engine.Traits().StableAddress, log)
	if err != nil {
		return err
	}
	if err := writeFiles(s, kit.Renderer, input); err != nil {
		return err
	}
	filesWritten.Reach()
	return nil
}

// inspect looks at the volume, and notes down why it is not this member's.
func inspect(s settings.Settings, r engine.Renderer, log *slog.Logger) (bool, error) {
	note := filepath.Join(s.RunDir, settings.RefusalName)
	found, err := volume.Look(s.DataDir, volume.Identity{Member: s.Member, ClusterID: s.ClusterID, Adopts: s.Adopts}, r.HoldsData)
	if err != nil {
		return false, err
	}
	log.Info("looked at the volume", "state", found.State, "why", found.Why)
	if found.State == engine.VolumeForeign {
		if err := atomicfile.Write(note, []byte(found.Why), 0o444); err != nil {
			return false, fmt.Errorf("note down why the volume is refused: %w", err)
		}
		return false, nil
	}
	if err := os.Remove(note); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("remove the note about a refused volume: %w", err)
	}
	return true, nil
}

// memberInput gathers what differs from member to member.
func memberInput(ctx context.Context, s settings.Settings, stable bool, log *slog.Logger) (engine.MemberInput, error) {
	ordinal, err := s.Ordinal()
	if err != nil {
		return engine.MemberInput{}, err
	}
	secrets, err := readSecrets(s.SecretDir)
	if err != nil {
		return engine.MemberInput{}, err
	}
	input := engine.MemberInput{
		Name: s.Member, Ordinal: ordinal, Rack: s.Rack, PodIP: s.PodIP, Host: s.Host, ClusterID: s.ClusterID, Secrets: secrets,
	}
	if !stable {
		return input, nil
	}
	input.Addresses, err = awaitAddress(ctx, s.SharedDir, s.Member, log)
	if err != nil {
		return engine.MemberInput{}, err
	}
	input.Address = input.Addresses[s.Member]
	return input, nil
}
