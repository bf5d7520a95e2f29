// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongod

import (
	"bytes"
	"net"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// TestAPrimaryThatStepsDownWhileItIsLookedAt has a primary cease to lead after it
// said that it leads, and before it is asked what only a primary can be asked.
func TestAPrimaryThatStepsDownWhileItIsLookedAt(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	c.settle(3)
	p := c.primary()
	var once sync.Once
	p.through("replSetGetConfig", func() {
		once.Do(func() {
			if err := p.asAdmin(nil, bson.D{{Key: "replSetStepDown", Value: 60}}); err != nil {
				t.Errorf("step down: %v", err)
			}
		})
	})
	s := p.see()
	if !s.Running || !s.Formed || s.Leader || s.View != nil || s.ID == "" {
		t.Errorf("a server that has ceased to lead is %+v", s)
	}
}

// through has the agent speak with its server through somebody who calls before
// each command of a name is handed on. Everything else goes to the server itself.
func (p *process) through(command string, before func()) {
	p.c.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	p.c.must(err)
	p.c.t.Cleanup(func() { _ = listener.Close() })
	p.closeAll()
	p.local.address = listener.Addr().String()
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", p.host())
			if err != nil {
				_ = near.Close()
				continue
			}
			go pass(near, far, func([]byte) {})
			go pass(far, near, func(said []byte) {
				if bytes.Contains(said, []byte(command)) {
					before()
				}
			})
		}
	}()
}

// pass hands on what one says to the other, until one of them has gone.
func pass(to, from net.Conn, heard func([]byte)) {
	defer func() { _, _ = to.Close(), from.Close() }()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		heard(buffer[:n])
		if _, failed := to.Write(buffer[:n]); failed != nil || err != nil {
			return
		}
	}
}
