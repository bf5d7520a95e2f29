// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/quorate/quorate/hack/bench/ground"
)

const (
	// Every is the pause between the beginnings of two writes: 20 a second.
	Every = 50 * time.Millisecond
	// Timeout bounds each of the two tries of a write.
	Timeout = 2 * time.Second
	// prefix is that of all keys.
	prefix = "bench/"
)

// Client writes to one address. A write begins at its time whatever became of
// those before: a server that hangs delays what it was given, and no more.
//
// The first try of a write goes over a pooled connection, as the usual
// libraries do it; the second, where the first had no acknowledgement, over a
// new one, for which the Service chooses a server afresh. There is no third.
type Client struct {
	base, token   string
	padding       string
	first, second ground.Reach

	mu     sync.Mutex
	writes []Write
	wg     sync.WaitGroup
}

// NewClient prepares a client that writes values of the given size in bytes, or
// of a few bytes where that is less.
func NewClient(reach ground.Reach, base, token string, size int) *Client {
	return &Client{
		base: base, token: token, padding: strings.Repeat(".", max(size, 0)),
		first: reach.Apart(true).Within(Timeout), second: reach.Apart(false).Within(Timeout),
	}
}

// Run writes until ctx ends, and returns when the last write has its answer.
func (c *Client) Run(ctx context.Context) {
	defer c.first.Close()
	ticker := time.NewTicker(Every)
	defer ticker.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			c.wg.Wait()
			return
		case <-ticker.C:
		}
		// A write that has begun is brought to its end, by its own bounds.
		c.wg.Go(func() { c.write(context.WithoutCancel(ctx), n) })
	}
}

func (c *Client) write(ctx context.Context, n int) {
	w := Write{Key: fmt.Sprintf("%s%06d", prefix, n), Value: fmt.Sprintf("value-%d-%s", n, c.padding)}
	acked := c.put(ctx, c.first, w)
	if !acked {
		w.Retried = true
		acked = c.put(ctx, c.second, w)
	}
	if acked {
		w.Acked = time.Now()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writes = append(c.writes, w)
}

func (c *Client) put(ctx context.Context, by ground.Reach, w Write) bool {
	text, ok := by.Call(ctx, http.MethodPut, c.base+"/v1/kv/"+w.Key, c.token, w.Value)
	return ok && strings.HasPrefix(text, "true")
}

// Writes returns those that have their answer.
func (c *Client) Writes() []Write {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Write(nil), c.writes...)
}

// readTime bounds the reading of all keys at once.
const readTime = 30 * time.Second

// Stored reads all keys, as a quorum has them, with their values.
func (c *Client) Stored(ctx context.Context) (map[string]string, error) {
	url := c.base + "/v1/kv/" + prefix + "?recurse=true&consistent"
	status, text, err := c.second.Within(readTime).Ask(ctx, http.MethodGet, url, c.token, "")
	if err != nil {
		return nil, fmt.Errorf("read the keys: %w", err)
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("read the keys: the answer is %d: %.200s", status, text)
	}
	return decode(text)
}

// decode reads keys and values from Consul's answer, in which the values are in
// base64.
func decode(text string) (map[string]string, error) {
	var pairs []struct {
		Key   string
		Value []byte
	}
	if err := json.Unmarshal([]byte(text), &pairs); err != nil {
		return nil, fmt.Errorf("read the keys: %w", err)
	}
	out := make(map[string]string, len(pairs))
	for _, p := range pairs {
		out[p.Key] = string(p.Value)
	}
	return out, nil
}
