// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/test/mongosim/auth"
	"github.com/quorate/quorate/test/mongosim/code"
	"github.com/quorate/quorate/test/mongosim/wire"
)

// connection is one client, or another member.
type connection struct {
	server   *Server
	id       int64
	loopback bool
	// user and db are who is logged in; system another member.
	user, db string
	system   bool
	sasl     *conversation
}

// request is one command.
type request struct {
	*connection
	name string
	db   string
	body bson.Raw
	msg  *wire.Message
}

func (s *Server) serve(conn net.Conn) {
	defer func() {
		_ = conn.Close()
		s.mu.Lock()
		delete(s.conns, conn)
		s.mu.Unlock()
	}()
	c := &connection{server: s, id: s.lastConn.Add(1), loopback: isLoopback(conn.RemoteAddr())}
	reader := bufio.NewReader(conn)
	for {
		msg, err := wire.Read(reader)
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
				s.options.Logf("connection %d: %v", c.id, err)
			}
			return
		}
		reply := c.answer(msg)
		if reply == nil {
			return
		}
		if msg.MoreToCome {
			continue
		}
		if err := (&wire.Message{ID: msg.ID, ReplyTo: msg.ID, Legacy: msg.Legacy, Body: reply}).Write(conn); err != nil {
			return
		}
	}
}

func isLoopback(address net.Addr) bool {
	tcp, ok := address.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// answer runs the command; nil ends the connection.
func (c *connection) answer(msg *wire.Message) bson.Raw {
	ctx := c.server.alive
	if limit, ok := msg.Body.Lookup("maxTimeMS").AsInt64OK(); ok && limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Duration(limit)*time.Millisecond)
		defer cancel()
	}
	reply, err := c.run(ctx, msg)
	if errors.Is(err, errHangUp) {
		return nil
	}
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			err = code.Errorf(code.MaxTimeMSExpired, "operation exceeded time limit")
		}
		if errors.Is(err, context.Canceled) {
			err = code.Errorf(code.ShutdownInProgress, "the server is shutting down")
		}
		reply = refusal(code.Of(err), retryable(msg.Body))
	} else {
		reply = append(reply, bson.E{Key: "ok", Value: 1.0})
	}
	raw, err := bson.Marshal(reply)
	if err != nil {
		c.server.options.Logf("connection %d: writing an answer: %v", c.id, err)
		return nil
	}
	return raw
}

// refusal is the answer with ok: 0. Drivers send a retryable write again only if the label says so.
func refusal(e *code.Error, retryable bool) bson.D {
	reply := bson.D{
		{Key: "ok", Value: 0.0}, {Key: "errmsg", Value: e.Message},
		{Key: "code", Value: int32(e.Code)}, {Key: "codeName", Value: e.Code.String()},
	}
	if retryable && e.Code.Retryable() {
		reply = append(reply, bson.E{Key: "errorLabels", Value: bson.A{"RetryableWriteError"}})
	}
	return reply
}

func retryable(body bson.Raw) bool { return body.Lookup("txnNumber").Type != 0 }

func (c *connection) run(ctx context.Context, msg *wire.Message) (bson.D, error) {
	first, err := msg.Body.IndexErr(0)
	if err != nil {
		return nil, code.Errorf(code.FailedToParse, "a command must not be empty")
	}
	r := &request{connection: c, name: first.Key(), db: msg.Database, body: msg.Body, msg: msg}
	cmd, ok := commands[r.name]
	if !ok {
		return nil, code.Errorf(code.CommandNotFound, "no such command: '%s'", r.name)
	}
	if err := c.authorize(r, cmd); err != nil {
		return nil, err
	}
	return cmd.run(ctx, r)
}

// authorize checks that the client may run the command.
func (c *connection) authorize(r *request, cmd command) error {
	s := c.server
	if cmd.class == auth.Anyone || !s.options.Authorization && len(s.keys.Keys) == 0 || c.system {
		return nil
	}
	if cmd.exempt != nil && cmd.exempt(r) {
		return nil
	}
	if c.user == "" {
		if cmd.first && c.loopback && s.parameters.localhostException() && (r.name != "createUser" || r.db == "admin") {
			if any, err := s.anyUser(); err == nil && !any {
				return nil
			}
		}
		return code.Errorf(code.Unauthorized, "Command %s requires authentication", r.name)
	}
	user, err := s.findUser(c.user, c.db)
	if err != nil {
		return err
	}
	if user == nil || cmd.class == auth.Internal || !auth.Allowed(user.Roles, cmd.class, r.db) {
		return code.Errorf(code.Unauthorized, "not authorized on %s to execute command { %s }", r.db, r.name)
	}
	return nil
}
