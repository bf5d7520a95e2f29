// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// tally counts tests.
type tally struct {
	passed, failed, skipped int
	// said is what the failed tests printed.
	said string
}

func (t *tally) add(o tally) {
	t.passed += o.passed
	t.failed += o.failed
	t.skipped += o.skipped
}

// String is the line that continuous integration reads.
func (t tally) String() string {
	s := fmt.Sprintf("%d passed, %d failed", t.passed, t.failed)
	if t.skipped > 0 {
		s += fmt.Sprintf(", %d skipped", t.skipped)
	}
	return s
}

// event is one line of go test -json.
type event struct {
	Action, Package, Test, Output string
}

// count reads the output of a command to its end, writes what a person would
// want to read to the log, and counts the tests in it, if there are any. A
// package that fails without a failed test (it did not build, or it died)
// counts as one failure.
func count(r io.Reader, log io.Writer) tally {
	var t tally
	output := map[string]*strings.Builder{}
	failedIn := map[string]bool{}
	sc := bufio.NewScanner(r)
	sc.Buffer(make([]byte, 64<<10), 16<<20)
	for sc.Scan() {
		line := sc.Bytes()
		var e event
		if len(line) == 0 || line[0] != '{' || json.Unmarshal(line, &e) != nil || e.Action == "" {
			_, _ = fmt.Fprintln(log, sc.Text())
			continue
		}
		key := e.Package + " " + e.Test
		switch e.Action {
		case "output", "build-output":
			_, _ = io.WriteString(log, e.Output)
			if output[key] == nil {
				output[key] = &strings.Builder{}
			}
			output[key].WriteString(e.Output)
		case "pass", "skip", "fail":
			t.settle(e, output[key], failedIn)
			delete(output, key)
		}
	}
	// A line longer than the scanner takes must not leave the command waiting.
	_, _ = io.Copy(log, r)
	return t
}

func (t *tally) settle(e event, output *strings.Builder, failedIn map[string]bool) {
	switch {
	case e.Action == "fail" && (e.Test != "" || !failedIn[e.Package]):
		t.failed++
		failedIn[e.Package] = true
		if output != nil {
			t.said += fmt.Sprintf("--- %s %s\n%s", e.Package, e.Test, output)
		}
	case e.Test == "":
		return
	case e.Action == "pass":
		t.passed++
	case e.Action == "skip":
		t.skipped++
	}
}
