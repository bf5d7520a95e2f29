// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package dial

import (
	"context"
	"fmt"
	"io"
	"net"
	"os/exec"
)

type command = *exec.Cmd

// through connects by a command whose input and output are the connection. That
// nothing answers at the other end shows only when something is read.
type through struct {
	command func(ctx context.Context, host, port string) (command, error)
}

// DialContext implements Dialer. The command lives for as long as the connection.
func (t through) DialContext(ctx context.Context, _, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	near, err := t.start(life, host, port)
	if err != nil {
		end()
		return nil, fmt.Errorf("connect to %s: %w", address, err)
	}
	return &piped{near, end}, nil
}

func (t through) start(life context.Context, host, port string) (net.Conn, error) {
	cmd, err := t.command(life, host, port)
	if err != nil {
		return nil, err
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("write to it: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("read from it: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start it: %w", err)
	}
	near, far := net.Pipe()
	go func() {
		_, _ = io.Copy(in, far) // either end may have closed
		_ = in.Close()
	}()
	go func() {
		_, _ = io.Copy(far, out)
		_ = far.Close()
		_ = cmd.Wait() // it is told to end, so its exit says nothing
	}()
	return near, nil
}

// piped is one end of a pipe, with deadlines, whose command ends with it.
type piped struct {
	net.Conn
	end context.CancelFunc
}

// Close implements net.Conn.
func (p *piped) Close() error {
	p.end()
	return p.Conn.Close() //nolint:wrapcheck // it is the connection's own
}
