// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// memory is a store that can be away.
type memory struct {
	people []person
	away   bool
}

func (m *memory) put(_ context.Context, p person) error {
	if m.away {
		return errors.New("no primary")
	}
	m.people = append(m.people, p)
	return nil
}

func (m *memory) all(context.Context) ([]person, error) {
	if m.away {
		return nil, errors.New("no primary")
	}
	return m.people, nil
}

func TestAPI(t *testing.T) {
	m := &memory{away: true}
	handler := newAPI(m)
	for _, c := range []struct {
		why, method, path, body string
		away                    bool
		status                  int
		answer                  string
	}{
		{"not ready before the set was reached", "GET", "/ready", "", true, http.StatusServiceUnavailable, "no primary"},
		{"an acknowledgement needs the store", "PUT", "/people/ada", `{"name":"Ada"}`, true, http.StatusServiceUnavailable, "no primary"},
		{"stored", "PUT", "/people/ada", `{"name":"Ada"}`, false, http.StatusOK, `{"id":"ada","name":"Ada"}`},
		{"the path says who", "PUT", "/people/bob", `{"id":"ada","name":"Bob"}`, false, http.StatusOK, `{"id":"bob","name":"Bob"}`},
		{"nobody", "PUT", "/people/nobody", `{}`, false, http.StatusBadRequest, "a person is"},
		{"no JSON", "PUT", "/people/nobody", `Ada`, false, http.StatusBadRequest, "a person is"},
		{"too long", "PUT", "/people/long", `{"name":"` + strings.Repeat("a", mostBytes) + `"}`, false, http.StatusBadRequest, "a person is"},
		{"listed", "GET", "/people", "", false, http.StatusOK, `[{"id":"ada","name":"Ada"},{"id":"bob","name":"Bob"}]`},
		{"a list needs the store", "GET", "/people", "", true, http.StatusServiceUnavailable, "no primary"},
		{"ready for good", "GET", "/ready", "", true, http.StatusOK, ""},
	} {
		m.away = c.away
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), c.method, c.path, strings.NewReader(c.body)))
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.answer) {
			t.Errorf("%s: %d %q, want %d %q", c.why, w.Code, w.Body, c.status, c.answer)
		}
	}
}

func TestConnect(t *testing.T) {
	if _, err := connect(""); err == nil || !strings.Contains(err.Error(), addressVariable) {
		t.Errorf("without an address: %v", err)
	}
	if _, err := connect("http://db"); err == nil {
		t.Error("another kind of address is taken")
	}
}
