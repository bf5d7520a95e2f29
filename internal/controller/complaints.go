// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/quorate/quorate/internal/engine"
)

const (
	// maxComplaints is how many bytes of a condition's message are for what
	// agents complain of, and leastComplaint what each of them has at least.
	maxComplaints  = 300
	leastComplaint = 60
	// maxFailure bounds what is shown of an error.
	maxFailure = 1024
)

// complaint is what one member's agent has to say that is not in order.
type complaint struct {
	// who is the member, and what it did not do, in words of ours.
	who string
	// text is what the agent sent, which is untrusted.
	text string
}

// problems are the members' own complaints. A member that is not wanted any
// more has its say too: it may be what a scaling waits for.
func (f *findings) problems() []complaint {
	var out []complaint
	for _, m := range f.state.Members {
		if m.Report != nil && m.Report.Problem != "" {
			out = append(out, complaint{m.Name, m.Report.Problem})
		}
	}
	return out
}

// failures are the actions that agents could not carry out, or did not begin.
// An agent tells of its last action until there is another, so only one of a
// kind that is planned now still matters.
func (f *findings) failures() []complaint {
	var out []complaint
	for _, m := range f.state.Members {
		if m.Report == nil || m.Report.Action == nil {
			continue
		}
		if a := m.Report.Action; a.Done && a.Error != "" && f.plans(m.Name, a.Kind) {
			out = append(out, complaint{m.Name + " could not carry out " + string(a.Kind), a.Error})
		}
	}
	return append(out, f.moved...)
}

// plans tells whether a step of a kind is the one that goes on, or is asked of
// this member.
func (f *findings) plans(member string, kind engine.StepKind) bool {
	if f.decision.Plan.Action == kind {
		return true
	}
	for _, a := range f.decision.Asks {
		if a.Member == member && a.Kind() == kind {
			return true
		}
	}
	return false
}

// with adds complaints to a message. However many there are and whatever they
// say, the message stays short, and the same trouble gives the same message.
func (v verdict) with(complaints []complaint) verdict {
	if len(complaints) == 0 {
		return v
	}
	each := max(maxComplaints/len(complaints), leastComplaint)
	var said strings.Builder
	for _, c := range complaints {
		said.WriteString("; " + head(c.who+": "+steady(printable(c.text)), each-len("; ")))
	}
	v.message += head(said.String(), maxComplaints)
	return v
}

// printable puts a text from outside on one line, without what a terminal would
// obey or hide.
func printable(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return r == ' ' || r == unicode.ReplacementChar || !unicode.IsPrint(r)
	}), " ")
}

// passing is what differs from one time to the next in words about the same
// trouble: points in time, durations, and numbers as long as a caller's port,
// a count or an index.
var passing = regexp.MustCompile(`\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d[^\s,;]*` +
	`|\b(?:\d+(?:\.\d+)?(?:ns|µs|us|ms|s|m|h))+\b` +
	`|\b\d{5,}\b`)

// steady leaves out of a text what changes by itself: a status in which it
// stood would be written again and again.
func steady(s string) string { return passing.ReplaceAllString(s, "…") }

// head cuts a text to a number of bytes.
func head(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most-len("…")], "") + "…"
}
