// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Command pause keeps a pod's namespaces alive: it does nothing until it is told to stop, and, as the first process of
// a shared process namespace, collects the children that others left behind.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	child := make(chan os.Signal, 1)
	signal.Notify(child, syscall.SIGCHLD)
	reap() // what ended before anybody listened.
	for {
		select {
		case <-child:
			reap()
		case <-stop:
			return
		}
	}
}

// reap collects every child that has ended; signals coalesce, so there may be several.
func reap() {
	for {
		pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if pid <= 0 {
			return
		}
	}
}
