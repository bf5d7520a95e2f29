// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package ground

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// quiet is the share of the processors that may be busy when a measurement
	// begins; the cluster at rest takes some of it.
	quiet = 0.4
	// quietSample is over what the share is measured.
	quietSample = 2 * time.Second
)

// AwaitQuiet returns when the machine is quiet, or when it was not for so long,
// with the share of the processors that was busy at last.
func AwaitQuiet(ctx context.Context, patience time.Duration) (float64, error) {
	deadline := time.Now().Add(patience)
	for {
		before, err := readTimes()
		if err != nil {
			return 0, err
		}
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("wait for a quiet moment: %w", ctx.Err())
		case <-time.After(quietSample):
		}
		after, err := readTimes()
		if err != nil {
			return 0, err
		}
		share := busy(before, after)
		if share <= quiet || time.Now().After(deadline) {
			return share, nil
		}
	}
}

// times are the machine's processor times since its start, in ticks.
type times struct {
	idle, total uint64
}

func readTimes() (times, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return times{}, fmt.Errorf("read the processor times: %w", err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	return parseTimes(first)
}

// parseTimes reads the line of all processors: user, nice, system, idle,
// waiting for input and output, and more, of which the guests' are in user.
func parseTimes(line string) (times, error) {
	fields := strings.Fields(line)
	if len(fields) < 9 || fields[0] != "cpu" {
		return times{}, fmt.Errorf("read the processor times: %q is not understood", line)
	}
	var t times
	for i, f := range fields[1:9] {
		n, err := strconv.ParseUint(f, 10, 64)
		if err != nil {
			return times{}, fmt.Errorf("read the processor times: %w", err)
		}
		t.total += n
		if i == 3 || i == 4 {
			t.idle += n
		}
	}
	return t, nil
}

// busy is the share of the time between that was not idle.
func busy(before, after times) float64 {
	total := after.total - before.total
	if total == 0 {
		return 0
	}
	return 1 - float64(after.idle-before.idle)/float64(total)
}

// Machine describes where this runs, without saying which one it is.
func Machine() string {
	var u unix.Utsname
	kernel := "unknown"
	if unix.Uname(&u) == nil {
		// What follows the version is whose build it is.
		release, _, _ := strings.Cut(unix.ByteSliceToString(u.Release[:]), "-")
		kernel = unix.ByteSliceToString(u.Sysname[:]) + " " + release
	}
	var info unix.Sysinfo_t
	memory := "unknown"
	if unix.Sysinfo(&info) == nil {
		memory = fmt.Sprintf("%.0f GiB", float64(info.Totalram)*float64(info.Unit)/(1<<30))
	}
	return fmt.Sprintf("%d processor cores (%s), %s of memory, kernel %s", runtime.NumCPU(), runtime.GOARCH, memory, kernel)
}
