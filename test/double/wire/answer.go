// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// answer makes an API server's answer of a fate.
func answer(r *http.Request, fate Fate) *http.Response {
	code, reason := http.StatusInternalServerError, "InternalError"
	header := http.Header{"Content-Type": []string{"application/json"}}
	switch fate {
	case Conflict:
		code, reason = http.StatusConflict, "Conflict"
	case Throttle:
		code, reason = http.StatusTooManyRequests, "TooManyRequests"
	}
	body := fmt.Sprintf(`{"kind":"Status","apiVersion":"v1","status":"Failure","message":"injected","reason":%q,"code":%d}`, reason, code)
	return &http.Response{
		StatusCode: code, Status: http.StatusText(code), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r,
	}
}

// late hands on what it reads when it is old enough.
type late struct {
	body   io.ReadCloser
	chunks chan chunk
	rest   []byte
	lag    time.Duration
}

type chunk struct {
	data []byte
	at   time.Time
	err  error
}

func delay(body io.ReadCloser, lag time.Duration) io.ReadCloser {
	l := &late{body: body, chunks: make(chan chunk, 4096), lag: lag}
	go l.pump()
	return l
}

func (l *late) pump() {
	defer close(l.chunks)
	for {
		buffer := make([]byte, 32<<10)
		n, err := l.body.Read(buffer)
		l.chunks <- chunk{data: buffer[:n], at: time.Now(), err: err}
		if err != nil {
			return
		}
	}
}

// Read implements io.Reader.
func (l *late) Read(p []byte) (int, error) {
	if len(l.rest) == 0 {
		c, open := <-l.chunks
		if !open {
			return 0, io.EOF
		}
		<-time.After(time.Until(c.at.Add(l.lag)))
		if len(c.data) == 0 {
			return 0, c.err
		}
		l.rest = c.data
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

// Close implements io.Closer.
func (l *late) Close() error { return l.body.Close() }
