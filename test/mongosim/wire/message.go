// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package wire reads and writes the messages of the wire protocol: OP_MSG with document sequences, and OP_QUERY with
// OP_REPLY for the first hello of a connection. It knows no commands. Compression is not spoken, since the server
// offers none; checksums are skipped, not checked.
package wire

import (
	"encoding/binary"
	"fmt"
	"io"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// MaxMessage is the longest message that is read; MaxDocument the largest document that clients may store.
const (
	MaxMessage  = 48000000
	MaxDocument = 16 * 1024 * 1024
)

const (
	opReply = 1
	opQuery = 2004
	opMsg   = 2013

	headerLength = 16

	flagChecksum   = 1 << 0
	flagMoreToCome = 1 << 1
	flagExhaust    = 1 << 16
	flagsRequired  = 0xffff
)

// Message is a request or a reply.
type Message struct {
	ID int32
	// ReplyTo is the ID of the request that this answers.
	ReplyTo int32
	// Legacy says that it came as OP_QUERY, and that the reply has to be OP_REPLY.
	Legacy bool
	// MoreToCome in a request says that nobody waits for a reply.
	MoreToCome bool
	// Exhaust allows the server to send several replies; it never does.
	Exhaust  bool
	Database string
	Body     bson.Raw
	// Sequences are documents beside the body, by the name of the field that they stand for.
	Sequences map[string][]bson.Raw
}

// Read reads one message.
func Read(r io.Reader) (*Message, error) {
	var header [headerLength]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return nil, err
	}
	length := int(binary.LittleEndian.Uint32(header[0:]))
	if length < headerLength || length > MaxMessage {
		return nil, fmt.Errorf("a message of %d bytes", length)
	}
	m := &Message{
		ID:      int32(binary.LittleEndian.Uint32(header[4:])),
		ReplyTo: int32(binary.LittleEndian.Uint32(header[8:])),
	}
	payload := make([]byte, length-headerLength)
	if _, err := io.ReadFull(r, payload); err != nil {
		return nil, fmt.Errorf("reading a message: %w", err)
	}
	switch op := binary.LittleEndian.Uint32(header[12:]); op {
	case opMsg:
		return m, m.parseMsg(payload)
	case opQuery:
		return m, m.parseQuery(payload)
	case opReply:
		return m, m.parseReply(payload)
	default:
		return nil, fmt.Errorf("operation %d is not spoken", op)
	}
}

// Write writes the message: in the old form if it is Legacy, which is only for replies.
func (m *Message) Write(w io.Writer) error {
	out := make([]byte, headerLength, headerLength+len(m.Body)+32)
	op := uint32(opMsg)
	if m.Legacy {
		op = opReply
		out = append(out, make([]byte, 20)...)
		binary.LittleEndian.PutUint32(out[headerLength+16:], 1) // documents in the reply.
		out = append(out, m.Body...)
	} else {
		flags := uint32(0)
		if m.MoreToCome {
			flags |= flagMoreToCome
		}
		out = binary.LittleEndian.AppendUint32(out, flags)
		out = append(out, 0)
		out = append(out, m.Body...)
	}
	binary.LittleEndian.PutUint32(out[0:], uint32(len(out)))
	binary.LittleEndian.PutUint32(out[4:], uint32(m.ID))
	binary.LittleEndian.PutUint32(out[8:], uint32(m.ReplyTo))
	binary.LittleEndian.PutUint32(out[12:], op)
	if _, err := w.Write(out); err != nil {
		return fmt.Errorf("writing a message: %w", err)
	}
	return nil
}
