// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"testing"
)

// TestFilesWaitLikeTheTemplate: a pod that is made anew reads the files, so
// they must not be ahead of the template that it is made from.
func TestFilesWaitLikeTheTemplate(t *testing.T) {
	key := FilePrefix + "server.json"
	before := input(datastore().Config(`{"a":1}`).Obj())
	after := input(datastore().Config(`{"a":2}`).Obj())
	after.Addresses = map[string]string{"db-0": "10.96.0.99"}
	have := Observed{StatefulSet: storedSet(t, before)}
	have.Config = stored(t, New(before).Config(Observed{}, true))

	waiting := New(after).Config(have, false)
	if got := waiting.Data[key]; got != `{"a":1}` {
		t.Errorf("file is %s while its change waits", got)
	}
	if got := waiting.Data[AddressesKey]; got != `{"db-0":"10.96.0.99"}` {
		t.Errorf("addresses are %s while a change of the files waits", got)
	}
	if got := New(after).Config(have, true).Data[key]; got != `{"a":2}` {
		t.Errorf("file is %s once it may be written", got)
	}

	have.Config.Data[key] = `{"evil":true}`
	if got := New(before).Config(have, false).Data[key]; got != `{"a":1}` {
		t.Errorf("file is %s after somebody else changed it", got)
	}
	have.Config = nil
	if got := New(before).Config(have, false).Data[key]; got != `{"a":1}` {
		t.Errorf("file is %s after somebody else removed the ConfigMap", got)
	}
}
