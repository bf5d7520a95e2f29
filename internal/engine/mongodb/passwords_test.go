// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/quorate/quorate/internal/engine"
)

// TestWhoChangesAPassword holds that the primary does, as the administrator, and that
// nobody is asked where everybody is let in.
func TestWhoChangesAPassword(t *testing.T) {
	have := members("Pv", "Sv", "Sv").observed()
	for credential, secrets := range map[string][]string{
		CredentialAgent: {CredentialAdmin}, engine.NextKey(CredentialAgent): {CredentialAdmin},
		CredentialAdmin: {CredentialAdmin}, engine.NextKey(CredentialAdmin): {CredentialAdmin},
		CredentialKeyFile: nil, engine.NextKey(CredentialKeyFile): nil,
	} {
		s, known := Engine{}.KeyStep(engine.KeyChange{Phase: engine.KeyUse, Credential: credential}, have)
		if !known || s.Member != "db-0" || s.Term == 0 || s.Blocked != "" || !cmp.Equal(secrets, s.Secrets) {
			t.Errorf("%s: %v, %+v", credential, known, s)
		}
	}
	have.Members[0].Report.Server.Facts[FactOpen] = "Yes"
	if s, _ := (Engine{}).KeyStep(engine.KeyChange{Phase: engine.KeyIntroduce, Credential: CredentialAdmin}, have); s.Blocked == "" {
		t.Error("everybody is let in, and a password is rotated")
	}
	if s, _ := (Engine{}).KeyStep(engine.KeyChange{Phase: engine.KeyIntroduce, Credential: CredentialKeyFile}, have); s.Blocked != "" {
		t.Errorf("the key file is none of that: %s", s.Blocked)
	}
	delete(have.Members[0].Report.Server.Facts, FactOpen)
	for state, blocked := range map[string]bool{AdministratorRefused: true, AdministratorAgain: false} {
		have.Members[0].Report.Server.Facts[FactAdministrator] = state
		s, _ := Engine{}.KeyStep(engine.KeyChange{Phase: engine.KeyUse, Credential: CredentialAgent}, have)
		if s.Refused == "" || (s.Blocked != "") != blocked {
			t.Errorf("the administrator is %s: %+v", state, s)
		}
	}
	if _, known := (Engine{}).KeyStep(engine.KeyChange{Credential: CredentialAdmin}, members("Sv", "Sv", "Sv").observed()); known {
		t.Error("nobody leads, and somebody is asked")
	}
}
