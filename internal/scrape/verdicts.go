// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package scrape

import (
	"crypto/sha256"
	"net/http"
	"sync"
	"time"
)

const (
	// admittedFor is how long who was let in once is let in without being asked
	// for: a right that was taken back is good for as long.
	admittedFor = time.Minute
	// refusedFor is the same for a refusal, so that who was given a right need not
	// wait.
	refusedFor = 10 * time.Second
	// most is how many verdicts are kept. There are a few who scrape; more come only
	// from somebody who tries tokens.
	most = 256
)

// key stands for somebody who asks for a path. It holds no token.
type key [sha256.Size]byte

func subject(token, path string) key { return sha256.Sum256([]byte(path + "\n" + token)) }

type verdict struct {
	code  int
	until time.Time
}

// verdicts are what was answered lately.
type verdicts struct {
	now  func() time.Time
	mu   sync.Mutex
	kept map[key]verdict
}

func (v *verdicts) get(k key) (code int, known bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	had, known := v.kept[k]
	if !known || !v.now().Before(had.until) {
		return 0, false
	}
	return had.code, true
}

// put keeps a verdict. Where there are too many all others are forgotten, which costs
// a review each.
func (v *verdicts) put(k key, code int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.kept == nil || len(v.kept) >= most {
		v.kept = map[key]verdict{}
	}
	good := refusedFor
	if code == http.StatusOK {
		good = admittedFor
	}
	v.kept[k] = verdict{code: code, until: v.now().Add(good)}
}
