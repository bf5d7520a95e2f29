// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"net/http"
	"sync/atomic"
)

// api answers requests from one store.
type api struct {
	store store
	// reached is true once the store has answered. A client that has found the set
	// stays ready while the set elects: it would be taken out of its Service for
	// nothing, as all others at the same time.
	reached atomic.Bool
}

func newAPI(s store) http.Handler {
	a := &api{store: s}
	mux := http.NewServeMux()
	mux.HandleFunc("PUT /people/{id}", a.put)
	mux.HandleFunc("GET /people", a.list)
	mux.HandleFunc("GET /ready", a.ready)
	return mux
}

// mostBytes is the longest request.
const mostBytes = 64 << 10

func (a *api) put(w http.ResponseWriter, r *http.Request) {
	var p person
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, mostBytes)).Decode(&p); err != nil || p.Name == "" {
		http.Error(w, `a person is {"name": "…"}`, http.StatusBadRequest)
		return
	}
	p.ID = r.PathValue("id")
	if err := a.store.put(r.Context(), p); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	a.answer(w, p)
}

func (a *api) list(w http.ResponseWriter, r *http.Request) {
	people, err := a.store.all(r.Context())
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	a.answer(w, people)
}

func (a *api) answer(w http.ResponseWriter, what any) {
	a.reached.Store(true)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(what) // a caller that has gone needs no answer
}

func (a *api) ready(w http.ResponseWriter, r *http.Request) {
	if a.reached.Load() {
		return
	}
	if _, err := a.store.all(r.Context()); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	a.reached.Store(true)
}
