// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package observer

import "time"

// reword is how long a complaint keeps its words while the trouble lasts.
const reword = time.Minute

// complaints keeps what was last complained of, by what it is about. The same
// trouble often comes in changing words, with a time or a port in them, and
// each would end every long poll.
type complaints map[string]complaint

type complaint struct {
	text  string
	since time.Time
}

// text returns what to say of a problem now; nothing if there is none.
func (c complaints) text(about string, problem error, now time.Time) string {
	if problem == nil {
		delete(c, about)
		return ""
	}
	last, ok := c[about]
	if !ok || now.Sub(last.since) >= reword {
		last = complaint{text: problem.Error(), since: now}
		c[about] = last
	}
	return last.text
}
