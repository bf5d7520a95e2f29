// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/quorate/quorate/internal/agent/board"
	"github.com/quorate/quorate/internal/agent/protocol"
)

// report answers at once where the caller has another revision, else when
// there is a new one, the wait is over, or the agent ends. A caller who has none
// wants to know what is true now, and gets what a look at the server finds.
func report(b *board.Board, look Look) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		wait, err := waitTime(query.Get(protocol.WaitParam))
		if err != nil {
			answerRefusal(w, protocol.Refusal{Reason: protocol.RefusedMalformed, Message: err.Error()})
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), wait)
		defer cancel()
		since := query.Get(protocol.SinceParam)
		if since == "" {
			look(r.Context())
		}
		answer(w, http.StatusOK, b.Reply(ctx, since))
	}
}

// waitTime reads whole seconds and cuts them to what is allowed; nothing is no
// wait.
func waitTime(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	seconds, err := strconv.Atoi(text)
	if err != nil || seconds < 0 {
		return 0, fmt.Errorf("%s=%.20q is no number of seconds", protocol.WaitParam, text)
	}
	return time.Duration(min(seconds, protocol.MaxWaitSeconds)) * time.Second, nil
}

func act(accept Accept) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		request, err := readAction(w, r)
		if err != nil {
			answerRefusal(w, protocol.Refusal{Reason: protocol.RefusedMalformed, Message: err.Error()})
			return
		}
		if refusal := accept(r.Context(), request); refusal != nil {
			answerRefusal(w, *refusal)
			return
		}
		answer(w, http.StatusAccepted, []byte("{}"))
	}
}

// readAction reads a body of bounded size in bounded time. Fields that are not
// known are passed over, since a newer manager may send them.
func readAction(w http.ResponseWriter, r *http.Request) (protocol.ActionRequest, error) {
	var request protocol.ActionRequest
	text, err := readBody(w, r)
	if err != nil {
		return request, fmt.Errorf("read the action: %w", err)
	}
	if err := json.Unmarshal(text, &request); err != nil {
		// The decoder's words can hold what was sent, which may be secret.
		return request, errors.New("read the action: it is not valid JSON of the kind that is expected")
	}
	return request, nil
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	control := http.NewResponseController(w)
	if err := control.SetReadDeadline(time.Now().Add(bodyTime)); err != nil {
		return nil, fmt.Errorf("bound the time: %w", err)
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, protocol.MaxActionBytes))
	if err != nil {
		return nil, fmt.Errorf("in full: %w", err)
	}
	// The connection is read from on, to see that the caller goes away; a
	// deadline would be taken for that.
	if err := control.SetReadDeadline(time.Time{}); err != nil {
		return nil, fmt.Errorf("unbound the time: %w", err)
	}
	return text, nil
}

func answerRefusal(w http.ResponseWriter, refusal protocol.Refusal) {
	status := http.StatusConflict
	if refusal.Reason == protocol.RefusedMalformed {
		status = http.StatusBadRequest
	}
	text, err := json.Marshal(refusal)
	if err != nil {
		status, text = http.StatusInternalServerError, []byte("{}")
	}
	answer(w, status, text)
}

// answer sends JSON. A caller that has gone away meanwhile will ask again.
func answer(w http.ResponseWriter, status int, text []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write(text)
}
