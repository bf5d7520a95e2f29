// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"bytes"
	"encoding/binary"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"pgregory.net/rapid"
)

func raw(t testing.TB, d bson.D) bson.Raw {
	t.Helper()
	out, err := bson.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// framed puts a header in front of a message's content.
func framed(op uint32, payload []byte) []byte {
	out := binary.LittleEndian.AppendUint32(nil, uint32(headerLength+len(payload)))
	out = binary.LittleEndian.AppendUint32(out, 7)
	out = binary.LittleEndian.AppendUint32(out, 3)
	return append(binary.LittleEndian.AppendUint32(out, op), payload...)
}

func TestWhatIsWrittenCanBeRead(t *testing.T) {
	body := raw(t, bson.D{{Key: "ping", Value: 1}, {Key: "$db", Value: "admin"}})
	for _, sent := range []*Message{
		{ID: 7, ReplyTo: 3, Database: "admin", Body: body},
		{ID: 7, Database: "admin", MoreToCome: true, Body: body},
		{ID: 7, ReplyTo: 3, Legacy: true, Body: body},
	} {
		var line bytes.Buffer
		if err := sent.Write(&line); err != nil {
			t.Fatal(err)
		}
		got, err := Read(&line)
		if err != nil {
			t.Fatal(err)
		}
		if got.ID != sent.ID || got.ReplyTo != sent.ReplyTo || got.Legacy != sent.Legacy || got.MoreToCome != sent.MoreToCome ||
			!bytes.Equal(got.Body, body) {
			t.Errorf("got %+v, want %+v", got, sent)
		}
	}
}

func TestSequencesAndChecksum(t *testing.T) {
	body := raw(t, bson.D{{Key: "insert", Value: "c"}, {Key: "$db", Value: "a"}})
	docs := append(raw(t, bson.D{{Key: "_id", Value: 1}}), raw(t, bson.D{{Key: "_id", Value: 2}})...)
	sequence := append([]byte("documents\x00"), docs...)
	payload := binary.LittleEndian.AppendUint32(nil, flagChecksum|flagExhaust)
	payload = append(payload, 1)
	payload = binary.LittleEndian.AppendUint32(payload, uint32(4+len(sequence)))
	payload = append(payload, sequence...)
	payload = append(append(payload, 0), body...)
	payload = append(payload, 1, 2, 3, 4) // the checksum.
	got, err := Read(bytes.NewReader(framed(opMsg, payload)))
	if err != nil {
		t.Fatal(err)
	}
	if got.Database != "a" || !got.Exhaust || len(got.Sequences["documents"]) != 2 {
		t.Errorf("got %+v", got)
	}
}

func TestTheOldFirstQuestion(t *testing.T) {
	payload := append([]byte{0, 0, 0, 0}, "admin.$cmd\x00"...)
	payload = append(payload, 0, 0, 0, 0, 1, 0, 0, 0)
	got, err := Read(bytes.NewReader(framed(opQuery, append(payload, raw(t, bson.D{{Key: "isMaster", Value: 1}})...))))
	if err != nil || !got.Legacy || got.Database != "admin" || got.Body.Lookup("isMaster").Type == 0 {
		t.Errorf("got %+v, %v", got, err)
	}
	other := bytes.Replace(payload, []byte("admin.$cmd"), []byte("admin.some"), 1)
	if _, err := Read(bytes.NewReader(framed(opQuery, append(other, raw(t, bson.D{})...)))); err == nil {
		t.Error("a query of a collection is taken")
	}
}

// TestRubbishIsAnError: whatever comes, there is an error or a message with a valid body, and no panic.
func TestRubbishIsAnError(t *testing.T) {
	good := framed(opMsg, append(make([]byte, 5), raw(t, bson.D{{Key: "ping", Value: 1}})...))
	rapid.Check(t, func(t *rapid.T) {
		message := bytes.Clone(good)
		for range rapid.IntRange(1, 4).Draw(t, "changes") {
			message[rapid.IntRange(4, len(message)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "value")
		}
		message = message[:rapid.IntRange(0, len(message)).Draw(t, "length")]
		m, err := Read(bytes.NewReader(message))
		if err == nil && m.Body.Validate() != nil {
			t.Errorf("took %x", message)
		}
	})
}
