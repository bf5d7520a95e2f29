// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package enginetest

// mayEvict tells whether the API server lets anybody evict a member: the budget
// was seen, and as many are available as it asks for with this one gone. One
// that is not ready is never evicted while another one is not (IfHealthyBudget).
func (w *World) mayEvict(i int) bool {
	m := &w.members[i]
	if m.pod == 0 || m.dying || w.budget.approved > 0 || w.budget.exists && !w.budget.seen {
		return false
	}
	if !w.budget.exists {
		return w.model.Truth().Formations > 0
	}
	unavailable := 0
	for j := range w.set.span() {
		if !w.model.Observe(j).Serving || w.members[j].dying {
			unavailable++
		}
	}
	return int(w.budget.max)-unavailable > 0
}

// evict takes a member away whose eviction was let pass, and asserts that
// nothing else does (law 3).
func (w *World) evict(i int) {
	w.budget.approved = 0
	if w.members[i].pod == 0 || w.members[i].dying {
		return
	}
	t := w.model.Truth()
	for j := range w.members[:w.sc.Members] {
		e, _ := w.entry(j)
		switch {
		case w.members[j].leaving && w.model.Running(j) && t.peers(j) > 0:
			w.violate("law 3: %s is evicted while %s is leaving", Name(i), Name(j))
		case w.joining(t, j) && t.peers(j) > 0:
			w.violate("law 3: %s is evicted while %s is joining", Name(i), Name(j))
		case j != i && e.Replacing != "" && e.Replacing == podUID(j, w.members[j].pod):
			w.violate("law 3: %s is evicted while the pod of %s is being replaced", Name(i), Name(j))
		}
	}
	w.deletePod(i)
}
