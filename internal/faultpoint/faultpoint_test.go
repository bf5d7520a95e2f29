// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package faultpoint

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

var (
	here  = New("test.here")
	there = New("test.there")
)

// childEnv marks the process that reaches points rather than tests them.
const childEnv = "FAULTPOINT_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		there.Reach()
		for range 3 {
			here.Reach()
			_, _ = os.Stdout.WriteString("x")
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child runs this binary again and returns what it wrote and whether it was
// killed.
func child(t *testing.T, env ...string) (string, bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), append(env, childEnv+"=1")...)
	out, err := cmd.Output()
	if err == nil {
		return string(out), false
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		t.Fatalf("run the child: %v", err)
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
		t.Fatalf("the child ended with %v, not by SIGKILL", exit)
	}
	return string(out), true
}

func TestReachDiesWhereTheEnvironmentSays(t *testing.T) {
	for _, c := range []struct {
		name, env, out string
		killed         bool
	}{
		{"nothing named", "", "xxx", false},
		{"another name", "test.elsewhere", "xxx", false},
		{"first time", "test.here", "", true},
		{"first time, said", "test.here@1", "", true},
		{"third time", "test.here@3", "xx", true},
		{"never reached so often", "test.here@4", "xxx", false},
		{"not a number", "test.here@x", "xxx", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, killed := child(t, Env+"="+c.env)
			if out != c.out || killed != c.killed {
				t.Errorf("wrote %q, killed %v; want %q, %v", out, killed, c.out, c.killed)
			}
		})
	}
}

func TestReachDiesOnce(t *testing.T) {
	once := filepath.Join(t.TempDir(), "once")
	env := []string{Env + "=test.here@2", OnceEnv + "=" + once}
	if out, killed := child(t, env...); out != "x" || !killed {
		t.Fatalf("the first process wrote %q, killed %v", out, killed)
	}
	if out, killed := child(t, env...); out != "xxx" || killed {
		t.Fatalf("the second process wrote %q, killed %v", out, killed)
	}
}

func TestAllAndDuplicates(t *testing.T) {
	if got := All(); !slices.Equal(got, []string{"test.here", "test.there"}) {
		t.Errorf("All() = %v", got)
	}
	defer func() {
		if recover() == nil {
			t.Error("a name given twice did not panic")
		}
	}()
	New("test.here")
}
