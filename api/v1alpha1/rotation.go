// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"fmt"
	"strings"
)

// maxRotation bounds the annotation, in bytes.
const maxRotation = 128

// Rotation is a request to rotate a credential.
type Rotation struct {
	// Name is what is to be rotated, in the engine's word, such as gossip-key.
	Name string
	// Word tells one request from another.
	Word string
}

// String returns the form in which it is written in the annotation; empty for
// none.
func (r Rotation) String() string {
	if r == (Rotation{}) {
		return ""
	}
	return r.Name + ":" + r.Word
}

// ParseRotation reads the value of AnnotationRotate: NAME:WORD. Space around it is
// ignored. An empty text asks for nothing. The error is one sentence for the user.
func ParseRotation(text string) (Rotation, error) {
	if len(text) > maxRotation {
		return Rotation{}, fmt.Errorf("annotation %s has more than %d bytes", AnnotationRotate, maxRotation)
	}
	text = strings.TrimSpace(text)
	if text == "" {
		return Rotation{}, nil
	}
	name, word, _ := strings.Cut(text, ":")
	if name == "" || word == "" || strings.ContainsFunc(name+word, notInToken) {
		return Rotation{}, fmt.Errorf("annotation %s: %q is not of the form NAME:WORD, both of letters, digits, dashes, dots and underscores", AnnotationRotate, text)
	}
	return Rotation{Name: name, Word: word}, nil
}
