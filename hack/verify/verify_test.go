// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"
	"time"
)

const stream = `{"Action":"run","Package":"p","Test":"A"}
{"Action":"output","Package":"p","Test":"A","Output":"hello\n"}
{"Action":"pass","Package":"p","Test":"A"}
{"Action":"output","Package":"p","Test":"B","Output":"wrong\n"}
{"Action":"fail","Package":"p","Test":"B"}
{"Action":"skip","Package":"p","Test":"C"}
{"Action":"fail","Package":"p"}
{"Action":"output","Package":"q","Output":"panic\n"}
{"Action":"fail","Package":"q"}
plain text
`

func TestCount(t *testing.T) {
	var log bytes.Buffer
	got := count(strings.NewReader(stream), &log)
	if got.passed != 1 || got.failed != 2 || got.skipped != 1 {
		t.Errorf("counted %v; want 1 passed, 2 failed (a test, and a package that died), 1 skipped", got)
	}
	for _, want := range []string{"wrong", "panic"} {
		if !strings.Contains(got.said, want) {
			t.Errorf("what failed is not shown: %q lacks %q", got.said, want)
		}
	}
	if strings.Contains(got.said, "hello") {
		t.Errorf("what passed is shown: %q", got.said)
	}
	if !strings.Contains(log.String(), "plain text") || strings.Contains(log.String(), "Action") {
		t.Errorf("the log is not for people: %q", log.String())
	}
}

func TestStageCountsACommand(t *testing.T) {
	t.Chdir(t.TempDir())
	for command, want := range map[string]tally{"exit 0": {passed: 1}, "exit 3": {failed: 1}} {
		got, err := stage{name: "x", command: command}.run(context.Background())
		if got != want || (err != nil) != (want.failed > 0) {
			t.Errorf("%q: %v, %v; want %v", command, got, err, want)
		}
	}
}

func TestAnInterruptedStageEndsWithAllItStarted(t *testing.T) {
	t.Chdir(t.TempDir())
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	begin := time.Now()
	// The sleeper would hold the output open for a minute.
	if _, err := (stage{name: "x", command: "sh -c 'sleep 60; true' & wait"}).run(ctx); err == nil {
		t.Error("an interrupted stage passes")
	}
	if took := time.Since(begin); took > 30*time.Second {
		t.Errorf("it ended after %s", took)
	}
}

func TestRunStopsAtAnEssentialFailure(t *testing.T) {
	t.Chdir(t.TempDir())
	if run(context.Background(), []string{"!a=false", "b=touch ran"}) {
		t.Error("a failed stage passes")
	}
	if _, err := (stage{name: "c", command: "test ! -e ran"}).run(context.Background()); err != nil {
		t.Error("the stage after an essential one that failed was run")
	}
}

func TestAStageBesideOthersIsWaitedForAndCounts(t *testing.T) {
	t.Chdir(t.TempDir())
	// It ends only when the stage after it has begun.
	if !run(t.Context(), []string{"&a=until test -e begun; do sleep 0.05; done; touch ended", "b=touch begun"}) {
		t.Error("what passed is said to have failed")
	}
	if _, err := os.Stat("ended"); err != nil {
		t.Error("the stage beside the others was not waited for")
	}
	if run(t.Context(), []string{"&a=false", "b=true"}) {
		t.Error("a stage that failed beside others passes")
	}
}

func TestAnEssentialFailureEndsWhatRunsBeside(t *testing.T) {
	t.Chdir(t.TempDir())
	begin := time.Now()
	if run(t.Context(), []string{"&a=sleep 60", "!b=false"}) {
		t.Error("a failed stage passes")
	}
	if took := time.Since(begin); took > 30*time.Second {
		t.Errorf("it ended after %s", took)
	}
}
