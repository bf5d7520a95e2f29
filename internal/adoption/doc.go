// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package adoption looks at a StatefulSet that was made by hand and says what is in
// the way of having its pods replaced by those of a Datastore, on the same claims.
//
// It is pure: what the API server shows goes in, and sentences for the user come out,
// each with what to do about it. What is not understood is in the way, since a setting
// that is lost on the way may be what the data needs.
//
// Not looked at is what only the servers know: whether they form one set, and of whom.
// Nobody in those pods can be asked; see package plan for how it is found out after the
// first of them was replaced.
package adoption
