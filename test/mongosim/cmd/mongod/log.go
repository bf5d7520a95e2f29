// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"os"
	"sync"
	"time"
)

var speaking sync.Mutex

// say writes a line of the log, in the server's form: one JSON document.
func say(severity, component, message string) {
	line, err := json.Marshal(map[string]any{
		"t": map[string]string{"$date": time.Now().UTC().Format("2006-01-02T15:04:05.000Z07:00")},
		"s": severity, "c": component, "ctx": "mongosim", "msg": message,
	})
	if err != nil {
		return
	}
	speaking.Lock()
	defer speaking.Unlock()
	_, _ = os.Stdout.Write(append(line, '\n')) // there is nowhere else to say it.
}
