// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package attend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// Word is the subcommand of the program that is both the attendant and what starts it.
const Word = "attend"

// spec is an attendant on a command line.
type spec struct {
	Socket  string   `json:"socket"`
	Tool    []string `json:"tool"`
	Allowed []string `json:"allowed"`
	Last    []string `json:"last,omitempty"`
}

// Command returns what comes before a server's own command, so that it has an attendant.
func Command(program string, a *Attendant) []string {
	text, err := json.Marshal(spec{a.Socket, a.Tool, a.Allowed, a.Last})
	if err != nil {
		panic(fmt.Sprintf("texts cannot be encoded: %v", err))
	}
	return []string{program, Word, string(text), "--"}
}

// Start begins the attendant as a process of its own, from this program, and executes the
// server in the place of this one: the server stays the process that the kubelet knows,
// and signals reach it. Text is the attendant's, as Command wrote it. It returns only
// where the server cannot be executed. The attendant ends with the container.
func Start(text string, server, env []string) error {
	if len(server) == 0 {
		return errors.New("start the server: no command is given")
	}
	path, err := exec.LookPath(server[0])
	if err != nil {
		return fmt.Errorf("start the server: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program to start the attendant: %w", err)
	}
	attendant := exec.Command(self, Word, text)
	attendant.Stdout, attendant.Stderr, attendant.Env = os.Stdout, os.Stderr, env
	if err := attendant.Start(); err != nil {
		return fmt.Errorf("start the attendant: %w", err)
	}
	if err := syscall.Exec(path, server, env); err != nil {
		return fmt.Errorf("execute the server %s: %w", path, err)
	}
	return nil
}

// Serve is the attendant of a text until ctx ends. The server is its parent, as Start has
// it.
func Serve(ctx context.Context, text string) error {
	var s spec
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return fmt.Errorf("read what to attend to: %w", err)
	}
	if s.Socket == "" || len(s.Tool) == 0 {
		return fmt.Errorf("there is no socket or no tool in %q", text)
	}
	a := &Attendant{Socket: s.Socket, Tool: s.Tool, Allowed: s.Allowed, Last: s.Last}
	server := os.Getppid()
	a.End = func() error { return syscall.Kill(server, syscall.SIGTERM) }
	a.Serve(ctx)
	return nil
}
