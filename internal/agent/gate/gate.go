// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package gate decides whether a member's server may start, from the state of
// its volume alone.
package gate

import (
	"fmt"

	"github.com/quorate/quorate/internal/engine"
)

// Decision is whether the server may start, and if not, what it waits for.
type Decision struct {
	Open bool
	// Waits says for what, in a sentence.
	Waits string
}

// Decide opens the gate for a member at once, without anybody, and for nobody
// else: an empty volume and one that has left wait for a grant, which makes
// members of them; so does data without a marker, for one to adopt it; a foreign
// one waits for ever, as does any state that this build does not know.
func Decide(volume engine.VolumeState) Decision {
	switch volume {
	case engine.VolumeMember:
		return Decision{Open: true}
	case engine.VolumeEmpty:
		return Decision{Waits: "the volume is empty: the server waits for a grant to form or to join"}
	case engine.VolumeLeaving:
		return Decision{Waits: "the member has left: its server waits for a grant to join afresh"}
	case engine.VolumeUnmarked:
		return Decision{Waits: "the volume holds data and no marker: the server waits for a grant to go on with it"}
	case engine.VolumeRecovering:
		return Decision{Waits: "the set is being recovered: the server starts once its data is prepared for that"}
	case engine.VolumeForeign:
		return Decision{Waits: "the volume is not this member's: its server never starts here"}
	default:
		return Decision{Waits: fmt.Sprintf("the volume is in the unknown state %q", volume)}
	}
}

// Verdict is what to do with a grant.
type Verdict string

const (
	// Take writes the grant to the volume.
	Take Verdict = "Take"
	// TakeAfterRetiring removes the data of the member that has left first.
	TakeAfterRetiring Verdict = "TakeAfterRetiring"
	// Have means that the volume bears this very grant already.
	Have Verdict = "Have"
	// Refuse leaves everything as it is.
	Refuse Verdict = "Refuse"
)

// Judge decides on a grant for a volume that bears the given marker, if any:
// an empty volume takes one to form or to join, one that has left only one to join,
// data without a marker only one to adopt, a member none but the one that it has.
// The reason goes with a refusal.
func Judge(volume engine.VolumeState, marker *engine.Marker, g engine.Grant) (Verdict, string) {
	switch volume {
	case engine.VolumeEmpty:
		if g.Kind == engine.GrantAdopt {
			return Refuse, "the volume is empty, so that there is nothing to adopt"
		}
		return Take, ""
	case engine.VolumeUnmarked:
		if g.Kind == engine.GrantAdopt {
			return Take, ""
		}
		return Refuse, "the volume holds data and no marker: it is adopted or left as it is"
	case engine.VolumeLeaving:
		if g.Kind == engine.GrantJoin {
			return TakeAfterRetiring, ""
		}
		return Refuse, "a member that has left may join again, and never form"
	case engine.VolumeMember, engine.VolumeRecovering:
		if marker != nil && same(marker.Grant, g) {
			return Have, ""
		}
		return Refuse, "the volume bears another grant"
	default:
		return Refuse, fmt.Sprintf("the volume is %s", volume)
	}
}

// same tells whether two grants let a server do the same on the same claim.
// The pod may be a later one; the founders grow while a set is being formed.
func same(a, b engine.Grant) bool {
	return a.Kind == b.Kind && a.ClusterID == b.ClusterID && a.ClaimUID == b.ClaimUID && a.Size == b.Size
}
