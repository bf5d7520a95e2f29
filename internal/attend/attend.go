// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package attend has a tool of the server's own image carried out for the agent, whose
// image has no such tool.
//
// The attendant runs beside the server, in the server's container, and is as old as the
// pod: the agent can be replaced without it. It dials the agent over a unix socket in the
// folder that they share, which the server's container cannot write to, and then does
// what it is asked for, if that is one of the words that it was started with. It has no
// port, no credentials and no rights.
//
// A tool may take hours. So an answer says that it still runs, and who asks again for the
// same is told of the same run.
package attend

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// patience is how long a request waits for a tool to end before it is answered that
	// it runs.
	patience = 10 * time.Second
	// redial is the pause before the agent is dialed again.
	redial = time.Second
	// maxOutput bounds what is told of a tool's output: its beginning, which a trace of
	// the tool's own follows.
	maxOutput = 2000
)

// Stop is the word by which the server is ended and no tool is carried out. It is
// always allowed.
const Stop = "stop"

// request names a tool's arguments. One that looks begins nothing: it is about whatever
// runs with the same first argument.
type request struct {
	Arguments []string `json:"arguments"`
	Look      bool     `json:"look,omitempty"`
}

// reply is what became of it.
type reply struct {
	Running bool   `json:"running,omitempty"`
	Refused string `json:"refused,omitempty"`
	Failed  string `json:"failed,omitempty"`
	Output  string `json:"output,omitempty"`
}

// Attendant carries out a tool. Its fields are set once.
type Attendant struct {
	// Socket is where the agent listens.
	Socket string
	// Tool is the command, to which the arguments are added.
	Tool []string
	// Allowed are the first arguments that are carried out.
	Allowed []string
	// Last are those after which the server is ended, if they succeeded, whether or not
	// anybody still asks.
	Last []string
	// End ends the server.
	End func() error

	mu   sync.Mutex
	runs map[string]*run
}

// run is one tool that runs, or has ended and nobody has been told yet.
type run struct {
	word  string
	ended chan struct{}
	reply reply
}

// Serve dials and answers until ctx ends.
func (a *Attendant) Serve(ctx context.Context) {
	for ctx.Err() == nil {
		a.converse(ctx) // an agent that is not there, or went away, comes back
		select {
		case <-ctx.Done():
		case <-time.After(redial):
		}
	}
}

// converse answers one agent until it goes away.
func (a *Attendant) converse(ctx context.Context) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", a.Socket)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }() // nothing is written that could be lost
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	in, out := json.NewDecoder(conn), json.NewEncoder(conn)
	for {
		var r request
		if in.Decode(&r) != nil || out.Encode(a.answer(ctx, r)) != nil {
			return
		}
	}
}

func (a *Attendant) answer(ctx context.Context, q request) reply {
	arguments := q.Arguments
	if len(arguments) == 0 || arguments[0] != Stop && !slices.Contains(a.Allowed, arguments[0]) {
		return reply{Refused: fmt.Sprintf("%q is none of %s", arguments, strings.Join(a.Allowed, ", "))}
	}
	if q.Look {
		return reply{Running: a.running(arguments[0])}
	}
	key := strings.Join(arguments, "\x00")
	r := a.begin(ctx, key, arguments)
	select {
	case <-r.ended:
	case <-time.After(patience):
		return reply{Running: true}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.runs, key)
	return r.reply
}

// running tells whether the tool runs with a first argument.
func (a *Attendant) running(word string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, r := range a.runs {
		select {
		case <-r.ended:
		default:
			if r.word == word {
				return true
			}
		}
	}
	return false
}

// begin starts the tool, unless it runs already.
func (a *Attendant) begin(ctx context.Context, key string, arguments []string) *run {
	a.mu.Lock()
	defer a.mu.Unlock()
	if r := a.runs[key]; r != nil {
		return r
	}
	if a.runs == nil {
		a.runs = map[string]*run{}
	}
	r := &run{word: arguments[0], ended: make(chan struct{})}
	a.runs[key] = r
	go func() {
		defer close(r.ended)
		if arguments[0] != Stop {
			r.reply = a.run(ctx, arguments)
		}
		if r.reply.Failed == "" && (arguments[0] == Stop || slices.Contains(a.Last, arguments[0])) {
			if err := a.End(); err != nil {
				r.reply.Failed = "ending the server: " + err.Error()
			}
		}
	}()
	return r
}

func (a *Attendant) run(ctx context.Context, arguments []string) reply {
	command := slices.Concat(a.Tool, arguments)
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	err := cmd.Run()
	text := strings.TrimSpace(output.String())
	r := reply{Output: text[:min(len(text), maxOutput)]}
	if err != nil {
		r.Failed = err.Error()
	}
	return r
}

// ErrRunning says that the tool runs on; who asks again is told how it ended.
var ErrRunning = errors.New("it is still running")

// errNobody says that the attendant has not dialed, or went away.
var errNobody = errors.New("nobody beside the server carries out its tool")
