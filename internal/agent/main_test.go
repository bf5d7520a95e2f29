// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package agent_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/quorate/quorate/internal/agent"
	"github.com/quorate/quorate/internal/agent/initialize"
	"github.com/quorate/quorate/internal/agent/server"
	"github.com/quorate/quorate/internal/agent/settings"
	"github.com/quorate/quorate/internal/engine"
)

// The test's binary stands for init or agent of a pod whose directories lie
// under dirEnv.
const (
	roleEnv = "AGENT_TEST_ROLE"
	dirEnv  = "AGENT_TEST_DIR"
)

func TestMain(m *testing.M) {
	role := os.Getenv(roleEnv)
	if role == "" {
		// The pods wait most of the time, and for different things.
		if err := flag.Set("test.parallel", "12"); err != nil {
			panic(err)
		}
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := play(ctx, role, os.Getenv(dirEnv)); err != nil {
		fmt.Fprintln(os.Stderr, role, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func play(ctx context.Context, role, dir string) error {
	s, k := podSettings(dir), kit(dir)
	log := slog.New(slog.DiscardHandler)
	if role == "init" {
		return initialize.Run(ctx, s, k, filepath.Join(dir, "program"), log)
	}
	return runAgent(ctx, dir, s, k, log)
}

// runAgent is the agent on ports of its own, whose addresses it writes down.
func runAgent(ctx context.Context, dir string, s settings.Settings, k engine.Kit, log *slog.Logger) error {
	a, err := agent.New(s, k, log)
	if err != nil {
		return err
	}
	var l agent.Listeners
	if l.Manager, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return err
	}
	if l.Probes, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return err
	}
	if l.Socket, err = server.Socket(filepath.Join(s.RunDir, settings.SocketName)); err != nil {
		return err
	}
	for name, listener := range map[string]net.Listener{"manager.address": l.Manager, "probes.address": l.Probes} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path+".new", []byte(listener.Addr().String()), 0o600); err != nil {
			return err
		}
		if err := os.Rename(path+".new", path); err != nil {
			return err
		}
	}
	return a.Run(ctx, l)
}

func podSettings(dir string) settings.Settings {
	return settings.Settings{
		Adopts: os.Getenv(settings.EnvAdopts) != "",
		Engine: "Fake", Datastore: "db", ClusterID: "c", Member: "db-0", Namespace: "ns", PodUID: "p", PodIP: "127.0.0.1",
		DataDir: filepath.Join(dir, "data"), ConfigDir: filepath.Join(dir, "config"), RunDir: filepath.Join(dir, "run"),
		SecretDir: filepath.Join(dir, "secret"), SharedDir: filepath.Join(dir, "shared"),
	}
}
