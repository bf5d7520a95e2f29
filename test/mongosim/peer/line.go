// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package peer

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

const (
	queueLength = 4096
	dialTimeout = 2 * time.Second
	sendTimeout = 2 * time.Second
	// dialPause is how long after a failure a member is tried again.
	dialPause = 50 * time.Millisecond
)

// line is the way of messages to one host, in order.
type line struct {
	transport *Transport
	host      string
	queue     chan letter
	failedAt  time.Time
}

type letter struct {
	command bson.D
	at      time.Time
}

func (l *line) run() {
	var c *connection
	defer func() {
		if c != nil {
			c.close()
		}
	}()
	for {
		select {
		case <-l.transport.done:
			return
		case letter := <-l.queue:
			l.hold(letter.at)
			c = l.send(c, letter.command)
		}
	}
}

// hold waits until what was put in the queue at a time may leave.
func (l *line) hold(since time.Time) {
	if wait := time.Until(since.Add(l.transport.Delay())); wait > 0 {
		select {
		case <-l.transport.done:
		case <-time.After(wait):
		}
	}
}

// send returns the connection to be used next, or nil. What cannot be sent is lost.
func (l *line) send(c *connection, command bson.D) *connection {
	if l.transport.Blocked(l.host) {
		return c
	}
	if c != nil && c.broken() {
		c.close()
		c = nil
	}
	if c == nil {
		if time.Since(l.failedAt) < dialPause {
			return nil
		}
		ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
		defer cancel()
		var err error
		if c, err = dial(ctx, l.host, l.transport.Keys); err != nil {
			l.failedAt = time.Now()
			return nil
		}
		c.watch()
	}
	if err := c.post(command); err != nil {
		c.close()
		return nil
	}
	return c
}
