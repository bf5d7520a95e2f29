// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/test/mongosim/auth"
	"github.com/quorate/quorate/test/mongosim/code"
)

// The parameters. Those of the double itself begin with faultPrefix: they are faults to be switched on and off, also
// over loopback without a log-in.
const (
	faultPrefix = "mongosim"

	// FaultSyncRate is how many documents an initial sync takes in a second; 0 is no bound.
	FaultSyncRate = "mongosimInitialSyncDocsPerSecond"
	// FaultPeerDelay holds back everything that is sent to other members, in milliseconds.
	FaultPeerDelay = "mongosimPeerDelayMillis"
	// LogEntries is how long the log may become; only at the start.
	LogEntries = "mongosimLogEntries"

	// ShutdownTimeout is how long the signal to terminate takes at a member of a set.
	ShutdownTimeout = "shutdownTimeoutMillisForSignaledShutdown"
	// Iterations of a password that is set.
	Iterations = "scramSHA256IterationCount"
	// LocalhostException can be switched off.
	LocalhostException = "enableLocalhostAuthBypass"
)

type parameters struct {
	mu     sync.Mutex
	values map[string]int64
}

func newParameters(given map[string]string) (*parameters, error) {
	p := &parameters{values: map[string]int64{
		FaultSyncRate: 0, FaultPeerDelay: 0, LogEntries: 200000,
		ShutdownTimeout: 15000, Iterations: auth.DefaultIterations, LocalhostException: 1, "logLevel": 0, "quiet": 0,
	}}
	for name, text := range given {
		if err := p.set(name, text); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *parameters) set(name, text string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.values[name]; !ok {
		return fmt.Errorf("Unknown --setParameter '%s'", name) //nolint:staticcheck,revive // the server's text.
	}
	text = strings.NewReplacer("true", "1", "false", "0").Replace(text)
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil || value < 0 {
		return fmt.Errorf("Bad value for parameter %s: %s", name, text) //nolint:staticcheck,revive // the server's text.
	}
	p.values[name] = value
	return nil
}

func (p *parameters) get(name string) (int64, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	value, ok := p.values[name]
	return value, ok
}

func (p *parameters) must(name string) int64 { value, _ := p.get(name); return value }

func (p *parameters) millis(name string) time.Duration {
	return time.Duration(p.must(name)) * time.Millisecond
}

func (p *parameters) syncRate() int                  { return int(p.must(FaultSyncRate)) }
func (p *parameters) peerDelay() time.Duration       { return p.millis(FaultPeerDelay) }
func (p *parameters) logEntries() uint64             { return uint64(p.must(LogEntries)) }
func (p *parameters) shutdownTimeout() time.Duration { return p.millis(ShutdownTimeout) }
func (p *parameters) iterations() int                { return int(p.must(Iterations)) }
func (p *parameters) localhostException() bool       { return p.must(LocalhostException) != 0 }

// shown is a parameter's value as clients see it.
func (p *parameters) shown(name string) any {
	value := p.must(name)
	if name == LocalhostException || name == "quiet" {
		return value != 0
	}
	return value
}

// meta are fields of a command that are not its content.
func meta(field string) bool {
	switch field {
	case "lsid", "maxTimeMS", "comment", "writeConcern", "readConcern", "txnNumber":
		return true
	}
	return strings.HasPrefix(field, "$")
}

func getParameter(_ context.Context, r *request) (bson.D, error) {
	elements, err := r.body.Elements()
	if err != nil {
		return nil, code.Errorf(code.BadValue, "reading the command: %v", err)
	}
	names := []string{}
	star, _ := r.body.Lookup("getParameter").StringValueOK()
	all, _ := r.body.Lookup("getParameter", "allParameters").BooleanOK()
	if star == "*" || all {
		for name := range r.server.parameters.values { // the names never change.
			names = append(names, name)
		}
		names = append(names, fcvParameter)
	}
	for _, e := range elements[1:] {
		if !meta(e.Key()) {
			names = append(names, e.Key())
		}
	}
	d := bson.D{}
	for _, name := range names {
		if name == fcvParameter {
			shown, err := r.server.shownFCV()
			if err != nil {
				return nil, err
			}
			d = append(d, bson.E{Key: name, Value: shown})
		} else if _, ok := r.server.parameters.get(name); ok {
			d = append(d, bson.E{Key: name, Value: r.server.parameters.shown(name)})
		}
	}
	if len(d) == 0 {
		return nil, code.Errorf(code.InvalidOptions, "no option found to get")
	}
	return d, nil
}

// faultSwitch reports whether a request only switches faults, from this machine.
func faultSwitch(r *request) bool {
	elements, err := r.body.Elements()
	if err != nil || !r.loopback || len(elements) < 2 {
		return false
	}
	for _, e := range elements[1:] {
		if !meta(e.Key()) && !strings.HasPrefix(e.Key(), faultPrefix) {
			return false
		}
	}
	return true
}

func setParameter(_ context.Context, r *request) (bson.D, error) {
	elements, err := r.body.Elements()
	if err != nil {
		return nil, code.Errorf(code.BadValue, "reading the command: %v", err)
	}
	var was any
	for _, e := range elements[1:] {
		if meta(e.Key()) {
			continue
		}
		text := e.Value().String()
		if n, ok := e.Value().AsInt64OK(); ok {
			text = strconv.FormatInt(n, 10)
		} else if s, ok := e.Value().StringValueOK(); ok {
			text = s
		} else if b, ok := e.Value().BooleanOK(); ok {
			text = strconv.FormatBool(b)
		}
		was = r.server.parameters.shown(e.Key())
		if err := r.server.parameters.set(e.Key(), text); err != nil {
			return nil, code.Errorf(code.InvalidOptions, "%s", err.Error())
		}
	}
	return bson.D{{Key: "was", Value: was}}, nil
}
