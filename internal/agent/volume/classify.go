// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package volume

import (
	"fmt"

	"github.com/quorate/quorate/internal/engine"
)

// Identity is whose the volume ought to be.
type Identity struct {
	Member, ClusterID string
	// Adopts is true where the set may have been made by hand, so that data without
	// a marker may be the member's own.
	Adopts bool
}

// Evidence is what a look at the volume brought.
type Evidence struct {
	// Marker is nil where there is none, or none that can be read.
	Marker *engine.Marker
	// Unreadable says why a marker that is there tells nothing.
	Unreadable string
	// Data is true where the volume holds something of a server's.
	Data bool
}

// Finding is a volume's state, and why where that is not plain.
type Finding struct {
	State engine.VolumeState
	Why   string
}

// Classify tells a volume's state:
//
//   - without a marker it is Empty, or where it holds data Foreign; but Unmarked
//     where the set may have been made by hand;
//   - with a marker that cannot be read, or of another set or member, it is
//     Foreign;
//   - with its own marker it is Leaving once a leave was begun, Recovering while
//     its data is to be prepared for a recovery, else Member.
//
// A volume whose member was part of a formed set, and whose data is gone from
// under the marker, is Foreign too: a server started there would be a new one
// that nobody granted.
func Classify(id Identity, e Evidence) Finding {
	if e.Unreadable != "" {
		return foreign(e.Unreadable)
	}
	if e.Marker == nil {
		if e.Data && id.Adopts {
			return Finding{State: engine.VolumeUnmarked}
		}
		if e.Data {
			return foreign("the volume holds data of a server, and no marker that says whose")
		}
		return Finding{State: engine.VolumeEmpty}
	}
	return classifyMarked(id, *e.Marker, e.Data)
}

func classifyMarked(id Identity, m engine.Marker, data bool) Finding {
	switch {
	case m.Grant.ClusterID != id.ClusterID:
		return foreign(fmt.Sprintf("the volume belongs to the cluster %s, this is %s", m.Grant.ClusterID, id.ClusterID))
	case m.Member != id.Member:
		return foreign(fmt.Sprintf("the volume belongs to the member %s, this is %s", m.Member, id.Member))
	case m.Leaving:
		return Finding{State: engine.VolumeLeaving}
	case m.Recovering() && data:
		return Finding{State: engine.VolumeRecovering}
	case m.Formed && !data:
		return foreign("the volume's marker says that its server was part of a formed set, but the server's data is gone; " +
			"delete the claim to have the member replaced, or bring the data back")
	default:
		return Finding{State: engine.VolumeMember}
	}
}

func foreign(why string) Finding { return Finding{State: engine.VolumeForeign, Why: why} }
