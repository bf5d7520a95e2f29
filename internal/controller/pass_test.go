// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/plan"
	"github.com/quorate/quorate/test/wrappers"
)

// What a person must mend is told and no error: it is not tried harder. The
// rest is tried again.
func TestExplain(t *testing.T) {
	invalid := apierrors.NewInvalid(schema.GroupKind{Kind: "StatefulSet"}, "db", nil)
	other := errors.New("connection refused")
	for name, c := range map[string]struct {
		cause  error
		want   error
		reason string
	}{
		"the end":       {fmt.Errorf("a: %w", errStop), nil, ""},
		"a foreign one": {fmt.Errorf("a: %w", &conflictError{what: "Service db", why: "it has no owner"}), nil, v1alpha1.ReasonConflict},
		"refused":       {fmt.Errorf("apply: %w", invalid), nil, v1alpha1.ReasonTemplateRejected},
		"anything else": {other, other, ""},
	} {
		p := &pass{findings: &findings{}}
		if got := p.explain(c.cause); !errors.Is(got, c.want) {
			t.Errorf("%s: %v", name, got)
		}
		reason := ""
		if p.findings.blocked != nil {
			reason = p.findings.blocked.Reason
		}
		if reason != c.reason {
			t.Errorf("%s: blocked for %q, want %q", name, reason, c.reason)
		}
	}
	// The first word stands.
	p := &pass{findings: &findings{blocked: &plan.Finding{Reason: "First"}}}
	if _ = p.explain(&conflictError{}); p.findings.blocked.Reason != "First" {
		t.Errorf("blocked for %s", p.findings.blocked.Reason)
	}
}

func TestConflictSaysWhatToDo(t *testing.T) {
	said := (&conflictError{what: "Service db", why: "it has no owner"}).Error()
	for _, part := range []string{"Service db", "it has no owner", "remove or rename it"} {
		if !strings.Contains(said, part) {
			t.Errorf("%q does not say %q", said, part)
		}
	}
}

// templateEngine resolves an image.
type templateEngine struct{ credentialEngine }

func (templateEngine) Template(*v1alpha1.Datastore) engine.ServerTemplate {
	return engine.ServerTemplate{Image: "resolved-by-this-build"}
}

// A new operator resolves no other image for what it finds; only the user's
// input changes it.
func TestImageIsResolvedOnce(t *testing.T) {
	for name, c := range map[string]struct {
		image  string
		ledger *plan.Ledger
		want   string
	}{
		"at first":              {"", nil, "resolved-by-this-build"},
		"recorded":              {"", &plan.Ledger{Image: "recorded", ImageFor: "Consul 1.22.3"}, "recorded"},
		"of another version":    {"", &plan.Ledger{Image: "recorded", ImageFor: "Consul 1.21.5"}, "resolved-by-this-build"},
		"the user's":            {"mine", &plan.Ledger{Image: "recorded", ImageFor: "Consul 1.22.3"}, "mine"},
		"the user's taken back": {"", &plan.Ledger{Image: "mine", ImageFor: "spec.image"}, "resolved-by-this-build"},
	} {
		p := &pass{
			d: wrappers.MakeDatastore("db").Version("1.22.3").Image(c.image).Obj(), kit: engine.Kit{Engine: templateEngine{}},
			ledger: &ledgerFile{ledger: c.ledger},
		}
		if got := p.image(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// Ledger and credentials live as long as the claims that a grant was given for,
// and no longer: another's claim, or one that goes, is none of them.
func TestClaimsToLiveAsLongAs(t *testing.T) {
	claim := func(uid types.UID, going bool) *corev1.PersistentVolumeClaim {
		c := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{UID: uid}}
		if going {
			c.DeletionTimestamp = &metav1.Time{}
		}
		return c
	}
	p := &pass{
		snapshot: &snapshot{claims: map[string]*corev1.PersistentVolumeClaim{
			"db-0": claim("c0", false), "db-1": claim("c1-anew", false), "db-2": claim("c2", true), "db-3": claim("c3", false),
		}},
		findings: &findings{decision: plan.Decision{Ledger: &plan.Ledger{Members: map[string]plan.Entry{
			"db-0": {ClaimUID: "c0"}, "db-1": {ClaimUID: "c1"}, "db-2": {ClaimUID: "c2"},
		}}}},
	}
	got := p.claims()
	if len(got) != 1 || got[0].UID != "c0" {
		t.Errorf("%d claims", len(got))
	}
}
