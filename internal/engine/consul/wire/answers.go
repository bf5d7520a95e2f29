// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"context"
	"errors"
	"net/http"

	"github.com/hashicorp/consul/api"
)

// ErrStale means that the server has moved on since the step was planned.
var ErrStale = errors.New("the server has moved on since this was planned")

// Refused tells an answer that denies the token, or does not know it.
func Refused(err error) bool {
	var status api.StatusError
	return errors.As(err, &status) && status.Code == http.StatusForbidden
}

// Query is one that ends with the context.
func Query(ctx context.Context) *api.QueryOptions {
	return (&api.QueryOptions{}).WithContext(ctx)
}

// NotYet tells an error that passes by itself: a leader still getting ready.
func NotYet(err error) bool {
	var status api.StatusError
	return errors.As(err, &status) && status.Code >= http.StatusInternalServerError
}
