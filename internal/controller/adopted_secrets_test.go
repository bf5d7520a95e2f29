// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/plan"
	"github.com/quorate/quorate/internal/resource"
)

// TestTheKeyOfTheSetIsTheOneThatItHasNow: as long as the StatefulSet that was made by hand
// is there, ours follows what the user has; afterwards it is kept, and that it is another
// one is told.
func TestTheKeyOfTheSetIsTheOneThatItHasNow(t *testing.T) {
	stands := &plan.Handmade{UID: "sts"}
	for name, c := range map[string]struct {
		theirs string
		found  *plan.Handmade
		kept   string
		told   bool
	}{
		"the same":                    {"former", stands, "former", false},
		"another, before":             {"present", stands, "present", false},
		"it cannot be read":           {"", stands, "former", false},
		"another, while it goes":      {"present", &plan.Handmade{UID: "sts", Going: true}, "former", true},
		"another, once it is gone":    {"present", nil, "former", true},
		"another, and another's set":  {"present", &plan.Handmade{UID: "other"}, "former", true},
		"the same, once it is gone":   {"former", nil, "former", false},
		"gone, and it cannot be read": {"", nil, "former", false},
	} {
		t.Run(name, func(t *testing.T) {
			api := certified(t)
			p := renewer(t, api, "")
			p.secrets.member.Data["keyfile"] = []byte("former")
			if err := api.Update(t.Context(), p.secrets.member); err != nil {
				t.Fatal(err)
			}
			p.ledger.object = &corev1.ConfigMap{}
			p.ledger.ledger.Adoption = &plan.Adoption{StatefulSet: "sts"}
			p.findings.decision.Ledger = p.ledger.ledger
			p.snapshot.adoptable = c.found
			p.adopted = &adoptedSecrets{values: map[string][]byte{"password": []byte("theirs")}, wanted: []engine.AdoptedSecret{
				{Key: "keyfile", Ref: v1alpha1.SecretKeyReference{Name: "mongo-key", Key: "key"}}, {Key: "password"},
			}}
			if c.theirs != "" {
				p.adopted.values["keyfile"] = []byte(c.theirs)
			}
			changed := strings.Join(p.plannedSecrets(p.snapshot).Changed, "; ")
			if (changed != "") != c.told || c.told && (!strings.Contains(changed, "Secret mongo-key has under the key key another value") || !strings.Contains(changed, "under keyfile in Secret db-member")) {
				t.Errorf("told %q", changed)
			}
			if err := p.ensureCredentials(t.Context()); err != nil {
				t.Fatal(err)
			}
			var now corev1.Secret
			if err := api.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: resource.MemberSecretName("db")}, &now); err != nil {
				t.Fatal(err)
			}
			if _, leaked := now.Data["password"]; string(now.Data["keyfile"]) != c.kept || leaked {
				t.Errorf("kept %q, want %q; the administrator's %v", now.Data["keyfile"], c.kept, leaked)
			}
		})
	}
}
