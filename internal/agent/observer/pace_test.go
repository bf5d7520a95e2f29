// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package observer

import (
	"errors"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/engine"
)

func TestPace(t *testing.T) {
	serving := engine.Server{Running: true, Serving: true}
	for _, c := range []struct {
		name   string
		server engine.Server
		facts  facts
		want   time.Duration
	}{
		{"held", engine.Server{}, facts{}, steady},
		{"starting", engine.Server{}, facts{released: true, open: true}, quick},
		{"serving, not formed", serving, facts{released: true, open: true}, quick},
		{"at rest", serving, facts{released: true, open: true, formed: true}, steady},
		{"acting", serving, facts{released: true, open: true, formed: true, acting: true}, quick},
		{"leaving", serving, facts{released: true, formed: true}, quick},
		{"formed, down", engine.Server{}, facts{released: true, open: true, formed: true}, quick},
		{"formed, not caught up", engine.Server{Running: true}, facts{released: true, open: true, formed: true}, quick},
	} {
		if got := pace(c.server, c.facts); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestAComplaintKeepsItsWords(t *testing.T) {
	c := complaints{}
	start := time.Now()
	for _, s := range []struct {
		after time.Duration
		err   error
		want  string
	}{
		{0, errors.New("port 1"), "port 1"},
		{time.Second, errors.New("port 2"), "port 1"},
		{reword, errors.New("port 3"), "port 3"},
		{reword + 1, nil, ""},
		{reword + 2, errors.New("port 4"), "port 4"},
	} {
		if got := c.text("server", s.err, start.Add(s.after)); got != s.want {
			t.Errorf("after %v: %q, want %q", s.after, got, s.want)
		}
	}
}
