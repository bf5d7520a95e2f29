// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

var errShort = errors.New("a message ends too early")

func (m *Message) parseMsg(p []byte) error {
	if len(p) < 4 {
		return errShort
	}
	flags := binary.LittleEndian.Uint32(p)
	if unknown := flags & flagsRequired &^ (flagChecksum | flagMoreToCome); unknown != 0 {
		return fmt.Errorf("a message has unknown flags %x", unknown)
	}
	m.MoreToCome, m.Exhaust = flags&flagMoreToCome != 0, flags&flagExhaust != 0
	p = p[4:]
	if flags&flagChecksum != 0 {
		if len(p) < 4 {
			return errShort
		}
		p = p[:len(p)-4]
	}
	for len(p) > 0 {
		rest, err := m.parseSection(p[0], p[1:])
		if err != nil {
			return err
		}
		p = rest
	}
	if m.Body == nil {
		return errors.New("a message has no body")
	}
	m.Database, _ = m.Body.Lookup("$db").StringValueOK()
	return nil
}

// parseSection reads one section and returns what follows it.
func (m *Message) parseSection(kind byte, p []byte) ([]byte, error) {
	switch kind {
	case 0:
		doc, rest, err := document(p)
		m.Body = doc
		return rest, err
	case 1:
		if len(p) < 4 {
			return nil, errShort
		}
		size := int(binary.LittleEndian.Uint32(p))
		if size < 5 || size > len(p) {
			return nil, errShort
		}
		return p[size:], m.parseSequence(p[4:size])
	}
	return nil, fmt.Errorf("a message has a section of kind %d", kind)
}

func (m *Message) parseSequence(p []byte) error {
	name, p, ok := bytes.Cut(p, []byte{0})
	if !ok {
		return errShort
	}
	if m.Sequences == nil {
		m.Sequences = map[string][]bson.Raw{}
	}
	docs := []bson.Raw{}
	for len(p) > 0 {
		doc, rest, err := document(p)
		if err != nil {
			return err
		}
		docs, p = append(docs, doc), rest
	}
	m.Sequences[string(name)] = docs
	return nil
}

func (m *Message) parseQuery(p []byte) error {
	if len(p) < 4 {
		return errShort
	}
	name, p, ok := bytes.Cut(p[4:], []byte{0})
	if !ok || len(p) < 8 {
		return errShort
	}
	database, collection, _ := strings.Cut(string(name), ".")
	if collection != "$cmd" {
		return fmt.Errorf("a query of %s, where only commands are spoken", name)
	}
	doc, _, err := document(p[8:])
	m.Legacy, m.Database, m.Body = true, database, doc
	return err
}

func (m *Message) parseReply(p []byte) error {
	if len(p) < 20 {
		return errShort
	}
	doc, _, err := document(p[20:])
	m.Legacy, m.Body = true, doc
	return err
}

// document takes one valid document off the front.
func document(p []byte) (doc bson.Raw, rest []byte, err error) {
	if len(p) < 5 {
		return nil, nil, errShort
	}
	size := int(binary.LittleEndian.Uint32(p))
	if size < 5 || size > len(p) {
		return nil, nil, errShort
	}
	doc = bson.Raw(p[:size:size])
	if err := doc.Validate(); err != nil {
		return nil, nil, fmt.Errorf("a message holds an invalid document: %w", err)
	}
	return doc, p[size:], nil
}
