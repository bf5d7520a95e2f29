// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package daemon starts background processes, remembers them in a way that survives the one who started them, and ends
// them. A process is known by its number and the time it started, so that another process that was given the number of
// a dead one is never taken for it.
package daemon

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrGone says that a recorded process does not run any more.
var ErrGone = errors.New("the process is gone")

// Identity tells one process from every other that ever ran on the machine.
type Identity struct {
	PID int `json:"pid"`
	// StartTicks is when the process started, in clock ticks since the machine did.
	StartTicks uint64 `json:"startTicks"`
	// BootID names the run of the machine.
	BootID string `json:"bootID"`
}

// Record is what is kept of a process.
type Record struct {
	Identity
	// Name is the process's own among those of its cluster.
	Name string `json:"name"`
	// Started is when it was started.
	Started time.Time `json:"started"`
}

// Book is the folder in which records are kept, one file a process.
type Book struct {
	Dir string
}

func (b Book) path(name string) string { return filepath.Join(b.Dir, name+".json") }

// Find returns the record of a process that runs, or ErrGone.
func (b Book) Find(name string) (Record, error) {
	text, err := os.ReadFile(b.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return Record{}, ErrGone
	}
	if err != nil {
		return Record{}, fmt.Errorf("reading the record of process %s: %w", name, err)
	}
	var record Record
	if err := json.Unmarshal(text, &record); err != nil {
		return Record{}, ErrGone // a record that was cut short; its process is found by its control group.
	}
	if !record.Alive() {
		return Record{}, ErrGone
	}
	return record, nil
}

// Has tells whether a process was recorded, whether or not it still runs.
func (b Book) Has(name string) bool {
	_, err := os.Stat(b.path(name))
	return err == nil
}

// All returns the records of all processes that run, by name.
func (b Book) All() ([]Record, error) {
	files, err := filepath.Glob(filepath.Join(b.Dir, "*.json"))
	if err != nil {
		return nil, fmt.Errorf("listing the records of processes: %w", err)
	}
	slices.Sort(files)
	var records []Record
	for _, file := range files {
		record, err := b.Find(strings.TrimSuffix(filepath.Base(file), ".json"))
		if errors.Is(err, ErrGone) {
			continue
		}
		if err != nil {
			return nil, err
		}
		records = append(records, record)
	}
	return records, nil
}

// Forget removes the record of a process.
func (b Book) Forget(name string) error {
	if err := os.Remove(b.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the record of process %s: %w", name, err)
	}
	return nil
}

func (b Book) write(record Record) error {
	if err := os.MkdirAll(b.Dir, 0o755); err != nil {
		return fmt.Errorf("making the folder of process records: %w", err)
	}
	text, err := json.Marshal(record)
	if err != nil {
		return fmt.Errorf("encoding the record of process %s: %w", record.Name, err)
	}
	if err := os.WriteFile(b.path(record.Name), text, 0o644); err != nil {
		return fmt.Errorf("recording process %s: %w", record.Name, err)
	}
	return nil
}

// Alive tells whether this very process still runs. A process that has ended but was not yet collected by its parent
// does not run.
func (i Identity) Alive() bool {
	boot, err := bootID()
	if err != nil || boot != i.BootID {
		return false
	}
	current, err := readStat(i.PID)
	return err == nil && current.start == i.StartTicks && current.state != 'Z' && current.state != 'X'
}

// Identify tells which process has the number now.
func Identify(pid int) (Identity, error) {
	boot, err := bootID()
	if err != nil {
		return Identity{}, err
	}
	current, err := readStat(pid)
	if err != nil {
		return Identity{}, err
	}
	return Identity{PID: pid, StartTicks: current.start, BootID: boot}, nil
}

func bootID() (string, error) {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", fmt.Errorf("reading the machine's boot identity: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// stat is the part of /proc/PID/stat that matters here.
type stat struct {
	state byte
	start uint64
}

func readStat(pid int) (stat, error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return stat{}, fmt.Errorf("reading the state of process %d: %w", pid, err)
	}
	return parseStat(text)
}

// parseStat reads the third and the 22nd field. The second is the program's name in parentheses, which may itself hold
// blanks and parentheses: counting begins after the last one.
func parseStat(text []byte) (stat, error) {
	end := bytes.LastIndexByte(text, ')')
	fields := bytes.Fields(text[end+1:])
	const state, start = 0, 22 - 3
	if end < 0 || len(fields) <= start {
		return stat{}, fmt.Errorf("cannot read the process state %q", text)
	}
	ticks, err := strconv.ParseUint(string(fields[start]), 10, 64)
	if err != nil {
		return stat{}, fmt.Errorf("reading the start time in %q: %w", text, err)
	}
	return stat{state: fields[state][0], start: ticks}, nil
}
