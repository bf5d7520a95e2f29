// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"maps"
	"slices"

	"github.com/quorate/quorate/internal/engine"
)

// Ledger is what must not be forgotten about a datastore. It is written before
// anything is granted and lives as long as the claims do.
type Ledger struct {
	// ClusterID is the identity of the set; every volume's marker bears it.
	ClusterID string `json:"clusterID"`
	// SetID is the engine's own identity of the set, from the first report of a
	// founder that has it on. Who has another one is not of this set.
	SetID string `json:"setID,omitempty"`
	// Epoch is raised by each manager that takes the datastore over.
	Epoch int64 `json:"epoch,omitempty"`
	// FormationSize is the number of founders, fixed with the first grant. Of a set
	// that was made by hand it is the number of those that were taken over.
	FormationSize int32 `json:"formationSize,omitempty"`
	// Formed is set at the first evidence of a formed set, and never unset.
	Formed bool `json:"formed,omitempty"`
	// Bootstrapped is set once the set was seen to be usable: what the engine
	// does once after the formation has been done, and is never done again.
	Bootstrapped bool `json:"bootstrapped,omitempty"`
	// Image is the one resolved from engine and version, by that pair, so that
	// a new operator does not change old datastores.
	Image string `json:"image,omitempty"`
	// ImageFor is the engine and version that Image was resolved from.
	ImageFor string `json:"imageFor,omitempty"`
	// Failed is the template of which a first pod did not come up, so that the
	// one before was put back; FailedWhy says what became of that pod.
	Failed    string `json:"failed,omitempty"`
	FailedWhy string `json:"failedWhy,omitempty"`
	// Lead is the last wish for a leader that was fulfilled.
	Lead string `json:"lead,omitempty"`
	// Members holds one entry for every member that was granted, by name.
	Members map[string]Entry `json:"members,omitempty"`
	// Discards are claims that are to be deleted.
	Discards []Discard `json:"discards,omitempty"`
	// Abandoned is set once the user gave up the data of a set of which no volume
	// is left.
	Abandoned bool `json:"abandoned,omitempty"`
	// Adoption is set while the members of a set that was made by hand are taken over.
	Adoption *Adoption `json:"adoption,omitempty"`
	// ClaimTemplate is what the names of the claims begin with, of a set that was made
	// by hand; empty of any other. It outlives the adoption, since a Datastore that looks
	// for them under another name would find none.
	ClaimTemplate string `json:"claimTemplate,omitempty"`
	// Racks are the names of those that its members are in, in their order; none where
	// they are in no racks. A Datastore that is made again with others would find
	// members of other names, and of other racks than their data.
	Racks []string `json:"racks,omitempty"`
	// Adopted is what else such a set was adopted as; nil of any other, and in a ledger
	// that was written before it was kept. It outlives the adoption too.
	Adopted *Adopted `json:"adopted,omitempty"`
	// Predecessor is the identity of the set that this one came in place of, as the
	// user agreed; empty where there was none. Until this one forms, its credentials
	// are replaced.
	Predecessor string `json:"predecessor,omitempty"`
	// Recovery is the one that is under way, and Recoveries how many were begun.
	Recovery   *Recovery `json:"recovery,omitempty"`
	Recoveries int       `json:"recoveries,omitempty"`
	// Rotation of a credential is the one that is under way, and Rotated the last
	// request for one that was carried out. RotatedElse has the last one of each other
	// name, by name: who keeps requests in files applies an older one again some day.
	Rotation    *Rotation         `json:"rotation,omitempty"`
	Rotated     string            `json:"rotated,omitempty"`
	RotatedElse map[string]string `json:"rotatedElse,omitempty"`
	// Accounts are those of whom an agent may have been told a password.
	Accounts []string `json:"accounts,omitempty"`
}

// Entry is what was granted to one member, and what became of it.
type Entry struct {
	// Grant is the kind it was given.
	Grant engine.GrantKind `json:"grant"`
	// PodUID and ClaimUID are whom the grant was for.
	PodUID   string `json:"podUID"`
	ClaimUID string `json:"claimUID"`
	// Volume is the claim that the marker on the volume names, where that is not
	// ClaimUID: the volume was brought back under another claim.
	Volume string `json:"volume,omitempty"`
	// ID is the engine's identity of the member, once seen in the membership.
	ID string `json:"id,omitempty"`
	// Joined is set once the member was seen with its vote.
	Joined bool `json:"joined,omitempty"`
	// Leaving is set before the member is asked to leave. A leave that was
	// begun is always completed, but for one that was to move data first, see
	// leaveCameToNothing.
	Leaving bool `json:"leaving,omitempty"`
	// Replacing is the UID of a pod that is to be deleted although its server
	// runs. It is written before the deletion, and a replacement that was begun
	// is completed before anything else that costs a voter: the manager that
	// wrote it may still be about to delete the pod.
	Replacing string `json:"replacing,omitempty"`
	// Lost are identities that this name had on volumes that are gone.
	Lost []string `json:"lost,omitempty"`
}

// Clone returns a deep copy.
func (l *Ledger) Clone() *Ledger {
	if l == nil {
		return nil
	}
	out := *l
	out.Discards = slices.Clone(l.Discards)
	out.Accounts = slices.Clone(l.Accounts)
	out.Recovery = l.Recovery.clone()
	out.Rotation, out.RotatedElse = l.Rotation.clone(), maps.Clone(l.RotatedElse)
	out.Adoption = l.Adoption.clone()
	out.Adopted = l.Adopted.clone()
	out.Racks = slices.Clone(l.Racks)
	out.Members = make(map[string]Entry, len(l.Members))
	for k, e := range l.Members {
		e.Lost = slices.Clone(e.Lost)
		out.Members[k] = e
	}
	return &out
}

// Equal tells whether two ledgers say the same.
func (l *Ledger) Equal(o *Ledger) bool {
	if l == nil || o == nil {
		return l == o
	}
	return l.sameSet(o) && l.sameWork(o) && maps.EqualFunc(l.Members, o.Members, Entry.equal)
}

// sameSet compares what the set is.
func (l *Ledger) sameSet(o *Ledger) bool {
	return l.ClusterID == o.ClusterID && l.SetID == o.SetID && l.Predecessor == o.Predecessor && l.ClaimTemplate == o.ClaimTemplate && l.Adopted.equal(o.Adopted) && slices.Equal(l.Racks, o.Racks) && l.Epoch == o.Epoch && l.FormationSize == o.FormationSize &&
		l.Formed == o.Formed && l.Bootstrapped == o.Bootstrapped && l.Image == o.Image && l.ImageFor == o.ImageFor
}

// sameWork compares what is done, or was.
func (l *Ledger) sameWork(o *Ledger) bool {
	return l.Failed == o.Failed && l.FailedWhy == o.FailedWhy && l.Lead == o.Lead && l.Recoveries == o.Recoveries && l.Rotated == o.Rotated && maps.Equal(l.RotatedElse, o.RotatedElse) && l.Abandoned == o.Abandoned &&
		l.Rotation.equal(o.Rotation) && l.Recovery.equal(o.Recovery) && l.Adoption.equal(o.Adoption) && slices.Equal(l.Discards, o.Discards) && slices.Equal(l.Accounts, o.Accounts)
}

func (e Entry) equal(o Entry) bool {
	return e.Grant == o.Grant && e.PodUID == o.PodUID && e.ClaimUID == o.ClaimUID && e.Volume == o.Volume && e.ID == o.ID &&
		e.Joined == o.Joined && e.Leaving == o.Leaving && e.Replacing == o.Replacing && slices.Equal(e.Lost, o.Lost)
}

// lost returns the identities, by name, whose volumes are gone.
func (l *Ledger) lost() map[string][]string {
	out := map[string][]string{}
	for name, e := range l.Members {
		if len(e.Lost) > 0 {
			out[name] = slices.Clone(e.Lost)
		}
	}
	return out
}

// set stores an entry.
func (l *Ledger) set(name string, e Entry) {
	if l.Members == nil {
		l.Members = map[string]Entry{}
	}
	l.Members[name] = e
}
