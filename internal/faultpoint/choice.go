// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package faultpoint

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// choice is the point that the environment names, and at which time of
// reaching it the process dies.
type choice struct {
	name string
	nth  int64
}

// chosen reads the environment; false means that no point is named.
func chosen() (choice, bool) {
	value := os.Getenv(Env)
	if value == "" {
		return choice{}, false
	}
	return parse(value), true
}

// parse reads "name" or "name@n". Anything after the last @ that is not a
// positive number is taken for a part of the name.
func parse(value string) choice {
	name, count, found := cutLast(value, "@")
	if !found {
		return choice{name: value, nth: 1}
	}
	n, err := strconv.ParseInt(count, 10, 64)
	if err != nil || n < 1 {
		return choice{name: value, nth: 1}
	}
	return choice{name: name, nth: n}
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// first makes the file that OnceEnv names and tells whether it was not there
// before. Without OnceEnv every time is the first. Where the file cannot be
// made for another reason the process lives, or it would die for ever.
func first() bool {
	path := os.Getenv(OnceEnv)
	if path == "" {
		return true
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		if !errors.Is(err, fs.ErrExist) {
			_, _ = os.Stderr.WriteString("fault point passed over: " + err.Error() + "\n")
		}
		return false
	}
	_ = f.Close()
	return true
}

// killedExit is what a shell reports for a process that SIGKILL ended.
const killedExit = 128 + int(syscall.SIGKILL)

// die ends the process. The first process of a container ignores a SIGKILL
// that it sends to itself; exiting at once is as abrupt.
func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	os.Exit(killedExit)
}
