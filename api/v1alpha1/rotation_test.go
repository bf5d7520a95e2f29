// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"strings"
	"testing"
)

func TestParseRotation(t *testing.T) {
	for text, want := range map[string]Rotation{
		"":                     {},
		" \n":                  {},
		"gossip-key:2026-05":   {Name: "gossip-key", Word: "2026-05"},
		" gossip-key:again_2 ": {Name: "gossip-key", Word: "again_2"},
	} {
		got, err := ParseRotation(text)
		if err != nil || got != want {
			t.Errorf("%q is read as %+v, %v", text, got, err)
		}
		if again, err := ParseRotation(got.String()); err != nil || again != got {
			t.Errorf("%+v is written as %q and read as %+v, %v", got, got.String(), again, err)
		}
	}
}

func TestParseRotationRefuses(t *testing.T) {
	for _, text := range []string{"yes", "gossip-key", "gossip-key:", ":now", "gossip-key:a:b", "gossip-key:a b", "gossip-key:now,gossip-key:then", "gossip-key:" + strings.Repeat("a", maxRotation)} {
		got, err := ParseRotation(text)
		if err == nil || got != (Rotation{}) || !strings.Contains(err.Error(), AnnotationRotate) {
			t.Errorf("%.40q is read as %+v, %v", text, got, err)
		}
	}
}
