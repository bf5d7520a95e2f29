// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package options reads the command line and the configuration file of mongod, as far as the double knows them: what
// it acts on, and what it takes and ignores because nothing of the kind is there (the storage engine's cache, the
// verbosity of the log, profiling). All else is refused, as the server refuses what it does not know; TLS is among
// that.
package options

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
)

// ParametersVariable names parameters in the environment, as name=value with commas between them: faults can be
// switched on for a process that is started by others.
const ParametersVariable = "MONGOSIM_PARAMETERS"

// Options are what a process is started with.
type Options struct {
	Version       bool
	Port          int
	BindIP        string
	BindIPAll     bool
	KeyFile       string
	Authorization bool
	ReplSet       string
	DBPath        string
	Parameters    map[string]string
}

// ErrUsage is the kind of every error here; the server ends with ExitUsage.
var ErrUsage = errors.New("bad usage")

func usage(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUsage, fmt.Sprintf(format, args...))
}

// Parse reads the arguments after the program's name. What they say goes before the configuration file.
func Parse(args []string, environment func(string) string) (*Options, error) {
	o := &Options{Port: 27017, BindIP: "127.0.0.1", DBPath: "/data/db", Parameters: map[string]string{}}
	if err := o.setParameters(environment(ParametersVariable)); err != nil {
		return nil, err
	}
	file := ""
	if err := flags(&Options{Parameters: map[string]string{}}, &file).Parse(args); err != nil {
		return nil, usage("%v", err)
	}
	if file != "" {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, usage("Error opening config file '%s': %v", file, err)
		}
		if err := o.readFile(content); err != nil {
			return nil, err
		}
	}
	set := flags(o, &file)
	if err := set.Parse(args); err != nil {
		return nil, usage("%v", err)
	}
	if set.NArg() > 0 {
		return nil, usage("Error parsing command line: too many positional options: %s", strings.Join(set.Args(), " "))
	}
	return o, o.check()
}

func flags(o *Options, file *string) *flag.FlagSet {
	set := flag.NewFlagSet("mongod", flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.BoolVar(&o.Version, "version", o.Version, "")
	set.StringVar(file, "config", *file, "")
	set.StringVar(file, "f", *file, "")
	set.IntVar(&o.Port, "port", o.Port, "")
	set.StringVar(&o.BindIP, "bind_ip", o.BindIP, "")
	set.BoolVar(&o.BindIPAll, "bind_ip_all", o.BindIPAll, "")
	set.StringVar(&o.KeyFile, "keyFile", o.KeyFile, "")
	set.BoolVar(&o.Authorization, "auth", o.Authorization, "")
	set.StringVar(&o.ReplSet, "replSet", o.ReplSet, "")
	set.StringVar(&o.DBPath, "dbpath", o.DBPath, "")
	set.Func("setParameter", "", o.setParameters)
	return set
}

func (o *Options) setParameters(list string) error {
	for pair := range strings.SplitSeq(list, ",") {
		if pair == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			return usage("Illegal option assignment: %q", pair)
		}
		o.Parameters[name] = value
	}
	return nil
}

func (o *Options) check() error {
	if o.Port < 1 || o.Port > 65535 {
		return usage("port must be between 1 and 65535, and is %d", o.Port)
	}
	return nil
}

// Addresses are what to listen on.
func (o *Options) Addresses() []string {
	port := strconv.Itoa(o.Port)
	if o.BindIPAll {
		return []string{net.JoinHostPort("0.0.0.0", port)}
	}
	var addresses []string
	for host := range strings.SplitSeq(o.BindIP, ",") {
		addresses = append(addresses, net.JoinHostPort(strings.TrimSpace(host), port))
	}
	return addresses
}
