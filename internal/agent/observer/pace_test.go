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
		name                     string
		server                   engine.Server
		released, formed, acting bool
		want                     time.Duration
	}{
		{"held", engine.Server{}, false, false, false, steady},
		{"starting", engine.Server{}, true, false, false, quick},
		{"serving, not formed", serving, true, false, false, quick},
		{"at rest", serving, true, true, false, steady},
		{"acting", serving, true, true, true, quick},
		{"formed, down", engine.Server{}, true, true, false, quick},
		{"formed, not caught up", engine.Server{Running: true}, true, true, false, quick},
	} {
		if got := pace(c.server, c.released, c.formed, c.acting); got != c.want {
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
