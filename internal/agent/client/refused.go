// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package client

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/quorate/quorate/internal/agent/protocol"
)

// maxMessageBytes of a refusal are kept.
const maxMessageBytes = 1024

// RefusedError is an agent's answer that it does not act, and why.
type RefusedError struct {
	Reason  protocol.RefusalReason
	Message string
}

// Error puts reason and message together.
func (e *RefusedError) Error() string { return fmt.Sprintf("refused as %s: %s", e.Reason, e.Message) }

// refusal makes an error of an answer other than 2xx. Only what says its
// reason is a RefusedError; the rest is a fault of one of the two sides.
func refusal(response *http.Response) error {
	text, err := io.ReadAll(io.LimitReader(response.Body, maxRefusalBytes))
	if err != nil {
		return fmt.Errorf("read the answer with status %d: %w", response.StatusCode, err)
	}
	var r protocol.Refusal
	if err := json.Unmarshal(text, &r); err != nil || r.Reason == "" {
		return fmt.Errorf("the agent answers with status %d", response.StatusCode)
	}
	if len(r.Message) > maxMessageBytes {
		r.Message = strings.ToValidUTF8(r.Message[:maxMessageBytes], "")
	}
	return &RefusedError{Reason: r.Reason, Message: r.Message}
}
