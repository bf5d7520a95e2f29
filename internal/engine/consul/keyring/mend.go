// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package keyring

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"
)

// A server writes the file of its keys in place: it empties it, then fills it. One
// that dies in between leaves a file with which no server starts again ("unexpected
// end of JSON input"), and Consul has no way back but a hand.

// settles is for how long a file that makes no sense must have been left alone
// until it is taken for what a server that died has left behind.
const settles = 2 * time.Second

// ErrUnsettled means that the file of the keys makes no sense and that a server
// may be writing it.
var ErrUnsettled = errors.New("the keys of gossip are half written")

// Mend writes a file of keys anew that makes no sense any more. It is for a
// server that does not answer, or was not let start yet:
//
//   - with what was last read from it, where this agent did: that is what the server
//     had before the change that it was writing, and whoever uses another key by
//     then still has one of these until all have been seen to have gone on;
//   - else with the keys that are mounted, which are good for one that joins.
//
// A file that is sound is left alone whatever is in it, and so is one that is not
// there: see Give.
func (f *File) Mend() error {
	info, err := os.Stat(f.path)
	if err != nil {
		return nil //nolint:nilerr // there is nothing to be mended
	}
	content, err := os.ReadFile(f.path)
	if err != nil {
		return fmt.Errorf("read the keys of gossip: %w", err)
	}
	if sound(content) != nil {
		return nil
	}
	if age := time.Since(info.ModTime()); age >= 0 && age < settles {
		return ErrUnsettled
	}
	f.mu.Lock()
	keys := sound([]byte(f.last))
	f.mu.Unlock()
	if keys == nil {
		keys = f.mounted()
	}
	if len(keys) == 0 {
		return errors.New("the keys of gossip are half written, and none are mounted")
	}
	return f.write(keys)
}

// sound are the keys in a file that was written to its end; nil where it was
// not. What is a key is the server's to say.
func sound(content []byte) []string {
	var keys []string
	if json.Unmarshal(content, &keys) != nil || len(keys) == 0 {
		return nil
	}
	return keys
}
