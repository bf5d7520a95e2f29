// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consul

import (
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/catalogue"
)

// markSetting holds a mark of the other settings in the file. A server makes no
// use of it, since it does not log to syslog, but shows it in its description
// of itself, which has the configuration of the start or of the last reload
// that was completed. So the process itself says which file it has, whenever
// anything was cut off or started again in between.
const markSetting = "syslog_facility"

// marked writes the reloadable file.
func marked(live object) []byte {
	live[markSetting] = engine.SettingsHash(map[string]string{ReloadFile: string(encode(live))})
	return encode(live)
}

// MarkedAgain returns the content of the reloadable file under a mark that no wanted
// one has.
func MarkedAgain(content []byte) ([]byte, error) {
	live, err := catalogue.Decode(content)
	if err != nil {
		return nil, err
	}
	live[markSetting] = engine.SettingsHash(map[string]string{ReloadFile: string(content)}) + "-again"
	return encode(live), nil
}
