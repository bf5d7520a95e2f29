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
// same is told of the same run. The same is what has the same words and is for the same
// purpose, by a name that who asks gives to it: a cleanup after one member has joined is
// not that after the next. While the tool runs with the same words for another purpose,
// that is waited for. How a run has ended is told once, for a while, and of the last ones
// only: what nobody has asked about for long is done again.
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
	// maxKept bounds how many runs that have ended are remembered, and keptFor for how
	// long.
	maxKept = 16
	keptFor = 10 * time.Minute
	// maxOutput bounds what is told of a tool's output: its beginning, which a trace of
	// the tool's own follows.
	maxOutput = 2000
)

// Stop is the word by which the server is ended and no tool is carried out. It is
// always allowed.
const Stop = "stop"

// request names a tool's arguments. One that looks begins nothing: it is about whatever
// runs with the same first argument. Purpose tells it from others with the same arguments.
type request struct {
	Purpose   string   `json:"purpose,omitempty"`
	Arguments []string `json:"arguments"`
	Look      bool     `json:"look,omitempty"`
}

// tool names the arguments.
func (q request) tool() string { return strings.Join(q.Arguments, "\x00") }

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

	// now is the clock of a test.
	now func() time.Time

	mu sync.Mutex
	// runs are those that go on, one with the same arguments at most, and those that have
	// ended and nobody was told of, the oldest first.
	runs []*run
}

// run is one tool that runs, or has ended and nobody has been told yet.
type run struct {
	request

	ended chan struct{}
	reply reply
	at    time.Time // when it ended
}

// over tells whether it has ended.
func (r *run) over() bool {
	select {
	case <-r.ended:
		return true
	default:
		return false
	}
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
	r := a.begin(ctx, q)
	select {
	case <-r.ended:
	case <-time.After(patience):
		return reply{Running: true}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.Purpose != q.Purpose {
		return reply{Running: true} // its own turn comes when it is asked for again
	}
	a.runs = slices.DeleteFunc(a.runs, func(o *run) bool { return o == r })
	return r.reply
}

// running tells whether the tool runs with a first argument.
func (a *Attendant) running(word string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.ContainsFunc(a.runs, func(r *run) bool { return r.Arguments[0] == word && !r.over() })
}

// begin returns the run that a request is about: one that goes on with the same arguments,
// whatever for, or one for the same purpose that has ended. Where there is none it starts
// the tool.
func (a *Attendant) begin(ctx context.Context, q request) *run {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.forget()
	for _, r := range a.runs {
		if r.tool() == q.tool() && (r.Purpose == q.Purpose || !r.over()) {
			return r
		}
	}
	r := &run{request: q, ended: make(chan struct{})}
	a.runs = append(a.runs, r)
	go func() {
		result := a.carryOut(ctx, q.Arguments)
		a.mu.Lock()
		defer a.mu.Unlock()
		r.reply, r.at = result, a.clock()
		close(r.ended)
	}()
	return r
}

// forget drops the runs that ended long ago, and the oldest where they are many.
func (a *Attendant) forget() {
	ended := 0
	for _, r := range a.runs {
		if r.over() {
			ended++
		}
	}
	a.runs = slices.DeleteFunc(a.runs, func(r *run) bool {
		if !r.over() {
			return false
		}
		ended--
		return ended >= maxKept || a.clock().Sub(r.at) > keptFor
	})
}

func (a *Attendant) clock() time.Time {
	if a.now != nil {
		return a.now()
	}
	return time.Now()
}

// carryOut runs the tool, and ends the server where that is to follow.
func (a *Attendant) carryOut(ctx context.Context, arguments []string) (r reply) {
	if arguments[0] != Stop {
		r = a.run(ctx, arguments)
	}
	if r.Failed == "" && (arguments[0] == Stop || slices.Contains(a.Last, arguments[0])) {
		if err := a.End(); err != nil {
			r.Failed = "ending the server: " + err.Error()
		}
	}
	return r
}

func (a *Attendant) run(ctx context.Context, arguments []string) reply {
	command := slices.Concat(a.Tool, arguments)
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.SysProcAttr = endsWithThis()
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

// ErrNobody says that the attendant has not dialed, or went away.
var ErrNobody = errors.New("nobody beside the server carries out its tool")
