// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Command mongod is the double of MongoDB's server: see package mongosim. The release it stands for is chosen when it
// is built, by -ldflags "-X main.version=7.0.14".
package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/test/mongosim/auth"
	"github.com/quorate/quorate/test/mongosim/options"
	"github.com/quorate/quorate/test/mongosim/release"
	"github.com/quorate/quorate/test/mongosim/server"
)

var version = "8.0.4"

// The numbers that the process ends with; the server has them from its own list.
const (
	exitClean       = 0
	exitError       = 1
	exitUsage       = 2
	exitAbrupt      = 14
	exitNetwork     = 48
	exitNeedUpgrade = 62
	exitUncaught    = 100
)

func main() { os.Exit(run(os.Args)) }

func run(args []string) int {
	o, err := options.Parse(args[1:], os.Getenv)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%v\ntry '%s --help' for more information\n", err, args[0])
		return exitUsage
	}
	rel, err := release.Of(version)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitUsage
	}
	if o.Version {
		fmt.Printf("db version v%s\nBuild Info: {\n    \"version\": %q,\n    \"modules\": [\"mongosim\"]\n}\n", rel.Version, rel.Version)
		return exitClean
	}
	return serve(args, o, rel)
}

func serve(args []string, o *options.Options, rel release.Release) int {
	var keys []string
	if o.KeyFile != "" {
		var err error
		if keys, err = auth.LoadKeys(o.KeyFile); err != nil {
			say("E", "ACCESS", err.Error())
			return exitError
		}
	}
	lock, unclean, err := lockFolder(o.DBPath)
	if err != nil {
		say("E", "STORAGE", err.Error())
		return exitUncaught
	}
	if unclean {
		say("W", "STORAGE", "Detected unclean shutdown - Lock file is not empty")
	}
	quit := make(chan struct{}, 1)
	s, err := server.Open(server.Options{
		Release: rel, SetName: o.ReplSet, Folder: o.DBPath, Keys: keys, Authorization: o.Authorization,
		Parameters: o.Parameters, Arguments: args, Parsed: parsed(o),
		Logf:  func(format string, args ...any) { say("I", "-", fmt.Sprintf(format, args...)) },
		Fatal: func(err error) { say("F", "STORAGE", err.Error()); os.Exit(exitAbrupt) },
		Quit:  func() { quit <- struct{}{} },
	})
	var wrong *server.VersionError
	switch {
	case errors.As(err, &wrong):
		say("F", "STORAGE", err.Error())
		lock.release()
		return exitNeedUpgrade
	case err != nil:
		say("E", "CONTROL", err.Error())
		lock.release()
		return exitUncaught
	}
	code := attend(s, o, quit)
	lock.release()
	return code
}

// attend runs the server until it is told to end.
func attend(s *server.Server, o *options.Options, quit <-chan struct{}) int {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	if err := s.Listen(o.Addresses()...); err != nil {
		say("E", "NETWORK", err.Error())
		s.Close()
		var network *net.OpError
		if errors.As(err, &network) {
			return exitNetwork
		}
		return exitError
	}
	say("I", "NETWORK", fmt.Sprintf("Waiting for connections on %v", o.Addresses()))
	select {
	case caught := <-signals:
		say("I", "CONTROL", fmt.Sprintf("got %v, will terminate", caught))
		s.Shutdown()
	case <-quit:
		s.Close()
	}
	say("I", "CONTROL", "mongod shutdown complete")
	return exitClean
}

// parsed are the options as getCmdLineOpts shows them.
func parsed(o *options.Options) bson.D {
	d := bson.D{
		{Key: "net", Value: bson.D{{Key: "port", Value: int32(o.Port)}, {Key: "bindIp", Value: o.BindIP}}},
		{Key: "storage", Value: bson.D{{Key: "dbPath", Value: o.DBPath}}},
	}
	if o.ReplSet != "" {
		d = append(d, bson.E{Key: "replication", Value: bson.D{{Key: "replSet", Value: o.ReplSet}}})
	}
	if o.KeyFile != "" {
		d = append(d, bson.E{Key: "security", Value: bson.D{{Key: "keyFile", Value: o.KeyFile}, {Key: "authorization", Value: "enabled"}}})
	}
	return d
}
