// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package peer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/test/mongosim/auth"
	"github.com/quorate/quorate/test/mongosim/wire"
)

// connection is one to another member, proven if there are keys.
type connection struct {
	conn   net.Conn
	reader *bufio.Reader
	lastID int32
	ended  atomic.Bool
}

// answeredError is an error that the other member gave, in contrast to one on the way.
type answeredError struct{ message string }

func (e *answeredError) Error() string { return e.message }

// dial connects and proves the key, whichever of them the other accepts.
func dial(ctx context.Context, host string, keys *auth.Keyring) (*connection, error) {
	attempts := []string{""}
	if len(keys.Keys) > 0 {
		attempts = keys.Keys
	}
	var last error
	for _, key := range attempts {
		c, err := dialWith(ctx, host, keys, key)
		if err == nil {
			return c, nil
		}
		last = err
		var answered *answeredError
		if !errors.As(err, &answered) && !errors.Is(err, auth.ErrAuthentication) {
			return nil, err
		}
	}
	return nil, last
}

func dialWith(ctx context.Context, host string, keys *auth.Keyring, key string) (*connection, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", host)
	if err != nil {
		return nil, err
	}
	c := &connection{conn: conn, reader: bufio.NewReader(conn)}
	if key != "" {
		if err := c.prove(ctx, keys, key); err != nil {
			c.close()
			return nil, err
		}
	}
	return c, nil
}

// prove logs in as the set's own user, and has the other prove that it knows the key too.
func (c *connection) prove(ctx context.Context, keys *auth.Keyring, key string) error {
	client := auth.Client{User: auth.SystemUser, Password: key, Salted: keys.Salted}
	payload := []byte(client.Start())
	first, err := c.sasl(ctx, bson.D{
		{Key: "saslStart", Value: 1}, {Key: "mechanism", Value: auth.Mechanism}, {Key: "payload", Value: payload},
		{Key: "options", Value: bson.D{{Key: "skipEmptyExchange", Value: true}}},
	})
	if err != nil {
		return err
	}
	proof, err := client.Prove(string(first.Payload))
	if err != nil {
		return err
	}
	last, err := c.sasl(ctx, bson.D{
		{Key: "saslContinue", Value: 1}, {Key: "conversationId", Value: first.Conversation}, {Key: "payload", Value: []byte(proof)},
	})
	if err != nil {
		return err
	}
	return client.Verify(string(last.Payload))
}

type saslAnswer struct {
	Conversation int32  `bson:"conversationId"`
	Payload      []byte `bson:"payload"`
}

func (c *connection) sasl(ctx context.Context, command bson.D) (answer saslAnswer, err error) {
	raw, err := c.callOn(ctx, auth.SystemDB, command)
	if err != nil {
		return answer, err
	}
	return answer, bson.Unmarshal(raw, &answer)
}

func (c *connection) call(ctx context.Context, command bson.D) (bson.Raw, error) {
	return c.callOn(ctx, "admin", command)
}

func (c *connection) callOn(ctx context.Context, db string, command bson.D) (bson.Raw, error) {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Time{}
	}
	if err := c.conn.SetDeadline(deadline); err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { _ = c.conn.SetDeadline(time.Unix(1, 0)) })()
	if err := c.write(db, command, false); err != nil {
		return nil, err
	}
	reply, err := wire.Read(c.reader)
	if err != nil {
		return nil, fmt.Errorf("reading an answer: %w", err)
	}
	if reply.ReplyTo != c.lastID {
		return nil, errors.New("the answer is to another question")
	}
	if ok, _ := reply.Body.Lookup("ok").AsFloat64OK(); ok != 1 {
		text, _ := reply.Body.Lookup("errmsg").StringValueOK()
		return nil, &answeredError{text}
	}
	return reply.Body, nil
}

func (c *connection) write(db string, command bson.D, oneWay bool) error {
	body, err := bson.Marshal(append(command[:len(command):len(command)], bson.E{Key: "$db", Value: db}))
	if err != nil {
		return err
	}
	c.lastID++
	return (&wire.Message{ID: c.lastID, MoreToCome: oneWay, Body: body}).Write(c.conn)
}

// post sends without waiting for an answer.
func (c *connection) post(command bson.D) error {
	if err := c.conn.SetWriteDeadline(time.Now().Add(sendTimeout)); err != nil {
		return err
	}
	return c.write("admin", command, true)
}

// watch notices when the other end goes away, which those who only write would not.
func (c *connection) watch() {
	_ = c.conn.SetReadDeadline(time.Time{})
	go func() {
		_, _ = io.Copy(io.Discard, c.reader)
		c.ended.Store(true)
	}()
}

func (c *connection) broken() bool { return c.ended.Load() }

func (c *connection) close() { _ = c.conn.Close() }
