// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package attend

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain is the program itself where a test starts it as one.
func TestMain(m *testing.M) {
	if len(os.Args) < 3 || os.Args[1] != Word {
		os.Exit(m.Run())
	}
	var err error
	if text := os.Args[2]; len(os.Args) > 4 {
		err = Start(text, os.Args[4:], os.Environ())
	} else {
		err = Serve(context.Background(), text)
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// attended starts a script for a server, which tells its process number in the file, with
// an attendant that has another script for a tool.
func attended(t *testing.T, tool string) (cmd *exec.Cmd, desk *Desk, said string) {
	t.Helper()
	dir := t.TempDir()
	desk, err := Listen(filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = desk.Close() })
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := append(Command(self, &Attendant{
		Socket: filepath.Join(dir, "s"), Tool: []string{"/bin/sh", "-c", tool, "tool"}, Allowed: []string{"drain"},
	}), "/bin/sh", "-c", "echo $$; read -r line")
	cmd = exec.Command(command[0], command[1:]...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	said = filepath.Join(dir, "said")
	out, err := os.Create(said)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = out
	hold, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = hold.Close()
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // the attendant too, as the end of a container does
	})
	return cmd, desk, said
}

// TestToolEndsWithItsAttendant kills the attendant alone in the middle of a run: the tool
// does not go on to do what it was asked for behind everybody's back, and nobody says
// that it does not run.
func TestToolEndsWithItsAttendant(t *testing.T) {
	told := filepath.Join(t.TempDir(), "told")
	_, desk, _ := attended(t, `echo "$PPID $$" >`+told+`.new; mv `+told+`.new `+told+`; exec sleep 600`)
	asked := make(chan error, 1)
	go func() {
		_, err := ask(t, desk, "drain")
		asked <- err
	}()
	var attendant, tool int
	eventually(t, "the tool runs", func() bool {
		text, err := os.ReadFile(told)
		if err != nil {
			return false
		}
		_, err = fmt.Sscan(string(text), &attendant, &tool)
		return err == nil
	})
	if err := syscall.Kill(attendant, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := <-asked; err == nil || errors.Is(err, ErrRunning) {
		t.Errorf("who asked is told %v", err)
	}
	eventually(t, "the tool has ended", func() bool {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", tool))
		return err != nil || strings.Contains(string(text), ") Z ")
	})
	if runs, err := desk.Runs(t.Context(), "drain"); err == nil {
		t.Errorf("that it runs is said to be %v, and there is nobody to say so", runs)
	}
}

func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !so(); time.Sleep(10 * time.Millisecond) { // it is in other processes
		if time.Now().After(end) {
			t.Fatalf("not within 30 s: %s", what)
		}
	}
}

// TestServerStaysTheProcessAndHasAnAttendant starts a script for a server: it has the
// process number that was started, and what attends to it answers.
func TestServerStaysTheProcessAndHasAnAttendant(t *testing.T) {
	cmd, desk, said := attended(t, `echo "$PPID $1"`)
	answer, err := ask(t, desk, "drain")
	if err != nil {
		t.Fatal(err)
	}
	by, word, _ := strings.Cut(answer, " ")
	server, err := os.ReadFile(said)
	if want := fmt.Sprintln(cmd.Process.Pid); err != nil || string(server) != want {
		t.Errorf("the server is the process %q, %v, want %q", server, err, want)
	}
	if _, err := desk.Ask(t.Context(), "", Stop); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "terminated") {
		t.Errorf("the server was told to stop, and ended with %v", err)
	}
	if word != "drain" || by == strings.TrimSpace(string(server)) {
		t.Errorf("the tool was asked for %q by %s, which is the server", word, by)
	}
}

func TestServeRefusesWhatIsNoAttendant(t *testing.T) {
	for _, text := range []string{"", "{", "{}", `{"socket":"/s"}`} {
		if err := Serve(t.Context(), text); err == nil {
			t.Errorf("%q was served", text)
		}
	}
}
