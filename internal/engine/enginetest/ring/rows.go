// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package ring

import (
	"fmt"
	mathbits "math/bits"
	"slices"

	"github.com/quorate/quorate/internal/engine/enginetest"
)

// rows are what clients have written and a quorum has acknowledged, one for each place
// in the ring that a row can have. All of them are as badly off as a quorum allows: the
// last replicas have missed the write. What a client reads from a quorum, it finds
// while a quorum of the replicas has the row as it was last written.
type rows struct {
	// current are the members, as bits, that have a row as it was last written; none
	// of a row that is not looked at, since volumes were lost that had it, until it is
	// written again.
	current [enginetest.MaxMembers]uint8
	unread  string
}

func (w rows) key(b []byte) []byte {
	b = append(b, w.current[:]...)
	return append(b, uint8(min(len(w.unread), 1)))
}

// replicas are the members that have a row in a ring: the first ones from its place on.
func (m *Model) replicas(r, place int, but ...int) []int {
	var out []int
	for _, n := range m.rings[r] {
		if n.normal && !slices.Contains(but, int(n.member)) {
			out = append(out, (int(n.member)-place+enginetest.MaxMembers)%enginetest.MaxMembers)
		}
	}
	slices.Sort(out)
	out = out[:min(factor, len(out))]
	for k := range out {
		out[k] = (out[k] + place) % enginetest.MaxMembers
	}
	return out
}

// most is a quorum of so many replicas.
func most(replicas int) int { return replicas/2 + 1 }

func mask(members ...int) (b uint8) {
	for _, i := range members {
		b |= 1 << i
	}
	return b
}

// write has each row written anew, and acknowledged by a quorum of its replicas.
func (m *Model) write(r int) {
	for place := range m.rows.current {
		if r == 0 {
			reps := m.replicas(r, place)
			m.rows.current[place] = mask(reps[:most(len(reps))]...)
		}
	}
}

// streamIn gives one that joins what those had whose place it takes; where there are
// more replicas than before, what any of them had.
func (m *Model) streamIn(r, i int) {
	for place, current := range m.rows.current {
		before, after := m.replicas(r, place, i), m.replicas(r, place)
		if r != 0 || !slices.Contains(after, i) {
			continue
		}
		from := mask(before...)
		if len(after) == len(before) {
			from &^= mask(after...)
		}
		if current&from != 0 {
			m.rows.current[place] |= mask(i)
		}
	}
}

// streamAway gives what one has that leaves to those that take its place; where there
// are fewer replicas than before, to all of them: they are made alike before.
func (m *Model) streamAway(r, i int) {
	for place, current := range m.rows.current {
		before, after := m.replicas(r, place), m.replicas(r, place, i)
		if r != 0 || current&mask(i) == 0 {
			continue
		}
		to := mask(after...)
		if len(after) == len(before) {
			to &^= mask(before...)
		}
		m.rows.current[place] = current&^mask(i) | to
	}
}

// lose takes a member's volume away. A row that too few are left with is not looked at
// any more.
func (m *Model) lose(r, i int) {
	for place := range m.rows.current {
		if r != 0 {
			continue
		}
		m.rows.current[place] &^= mask(i)
		if reps := m.replicas(r, place); m.copies(place, reps) < most(len(reps)) {
			m.rows.current[place] = 0
		}
	}
}

func (m *Model) copies(place int, reps []int) int {
	return mathbits.OnesCount8(m.rows.current[place] & mask(reps...))
}

// read notes which rows a quorum of their replicas has no more.
func (m *Model) read(r int) {
	for place, current := range m.rows.current {
		reps := m.replicas(r, place)
		if n := m.copies(place, reps); r == 0 && current != 0 && n < most(len(reps)) {
			m.rows.unread = fmt.Sprintf("a row that was acknowledged is current on %d of its %d replicas", n, len(reps))
		}
	}
}
