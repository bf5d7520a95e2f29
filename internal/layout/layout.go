// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package layout translates between the one line of numbers by which the members of a
// Datastore are counted, and the names of their pods in one StatefulSet or in several.
package layout

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// infix parts the name of a Datastore from that of a rack.
const infix = "-rack-"

// Layout says which member is whose: one StatefulSet of the Datastore's name has all
// of them where there are no racks, and else one for each rack. It is a value that
// nobody changes.
//
// Member i of R racks is in rack i mod R, with the ordinal i div R there. So at every
// size
//
//   - the racks differ by one member at most;
//   - the highest number, which leaves first, is the last one of a fullest rack, and a
//     StatefulSet can be shrunk by it;
//   - the first R members are in R racks.
//
// Nobody else asks in which rack a member is: the planner has numbers and names.
type Layout struct {
	datastore string
	racks     []string
}

// New returns the layout of a Datastore with these racks, in their order; without any,
// that of one StatefulSet.
func New(datastore string, racks ...string) Layout {
	return Layout{datastore: datastore, racks: slices.Clone(racks)}
}

// StatefulSets are the names of all, in the order of the racks.
func (l Layout) StatefulSets() []string {
	out := make([]string, 0, l.width())
	for i := range l.width() {
		out = append(out, l.statefulSet(i))
	}
	return out
}

// Racks are the names of the racks in their order; none where there are none.
func (l Layout) Racks() []string { return slices.Clone(l.racks) }

// Rack is that of the member of a number; empty where there are none.
func (l Layout) Rack(number int32) string {
	if len(l.racks) == 0 {
		return ""
	}
	return l.racks[int(number)%len(l.racks)]
}

// Member is the name of the member of a number, which is that of its pod and, where the
// engine has stable addresses, of its Service.
func (l Layout) Member(number int32) string {
	width := int32(l.width())
	return l.statefulSet(int(number%width)) + "-" + strconv.FormatInt(int64(number/width), 10)
}

// Number is that of a member, and false for a name that no member of the Datastore can
// have.
func (l Layout) Number(member string) (int32, bool) {
	for i := range l.width() {
		digits, ok := strings.CutPrefix(member, l.statefulSet(i)+"-")
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(digits, 10, 32)
		if err != nil || n < 0 || strconv.FormatInt(n, 10) != digits {
			continue // a rack whose name goes on like that of another one
		}
		number := n*int64(l.width()) + int64(i)
		return int32(number), number <= math.MaxInt32 //nolint:gosec // of use only where it fits
	}
	return 0, false
}

// Sizes are those of the StatefulSets, in their order, by which there are so many
// members.
func (l Layout) Sizes(members int32) []int32 {
	out := make([]int32, 0, l.width())
	for i := range int32(l.width()) {
		out = append(out, (max(members-i, 0)+int32(l.width())-1)/int32(l.width()))
	}
	return out
}

// Span is how many members there are up to the highest that StatefulSets of these sizes
// may have a pod of. It is more than all together where a change of them has not come to
// its end.
func (l Layout) Span(sizes []int32) int32 {
	var out int64
	for i, size := range sizes {
		if size > 0 {
			out = max(out, int64(size-1)*int64(l.width())+int64(i)+1)
		}
	}
	return int32(min(out, math.MaxInt32))
}

// width is the number of StatefulSets.
func (l Layout) width() int { return max(1, len(l.racks)) }

func (l Layout) statefulSet(i int) string {
	if len(l.racks) == 0 {
		return l.datastore
	}
	return l.datastore + infix + l.racks[i]
}
