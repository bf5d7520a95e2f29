// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package enginetest

// What the StatefulSet's controller, the scheduler and the kubelets do.
// Parallel and OnDelete: a missing pod is made at once, with the template that
// the StatefulSet has now, and with a new claim where there is none.

// mostPods bounds how often a member's pod is made.
const mostPods = 40

func (w *World) canCreate(i int) bool {
	m := &w.members[i]
	return w.set.wants(i) && m.pod == 0 && !m.claimDying
}

func (w *World) create(i int) {
	m := &w.members[i]
	if m.claim == 0 {
		m.claimSeq++
		m.claim = m.claimSeq
		m.volume = volumeState{}
		w.model.Wipe(i)
	}
	if m.podSeq > mostPods {
		w.violate("liveness: pods of %s are made without end", Name(i))
		return
	}
	m.podSeq++
	part := w.set.part(i % w.set.width())
	m.pod, m.template = m.podSeq, part.template
}

func (w *World) canTerminate(i int) bool {
	m := &w.members[i]
	return m.pod != 0 && !m.dying && !w.set.wants(i)
}

func (w *World) deletePod(i int) { w.members[i].dying = true }

func (w *World) canEnd(i int) bool { return w.members[i].pod != 0 && w.members[i].dying }

// endPod is the moment at which a deleted pod is gone, and with it a claim
// that was deleted while the pod used it.
func (w *World) endPod(i int) {
	m := &w.members[i]
	w.model.Stop(i)
	m.pod, m.template = 0, 0
	m.booted, m.started, m.dying, m.released, m.leaving, m.silent = false, false, false, false, false, false
	m.garbled, m.epoch, m.mounted = garbleNone, 0, secret{}
	m.slow = false
	if m.claimDying {
		w.endClaim(i)
	}
}

func (w *World) endClaim(i int) {
	m := &w.members[i]
	m.claim, m.claimDying, m.stranded, m.volume = 0, false, false, volumeState{}
	w.model.Wipe(i)
}

// deleteClaim deletes a member's pod and claim: the claim goes with the pod.
func (w *World) deleteClaim(i int) {
	m := &w.members[i]
	m.claimDying = true
	w.lost++
	if m.pod == 0 {
		w.endClaim(i)
		return
	}
	m.dying = true
}

// remakeClaim is what a person does who keeps a volume: the pod goes, and a
// new claim is bound to the old volume before the next pod is made.
func (w *World) remakeClaim(i int) {
	w.endPod(i)
	m := &w.members[i]
	if m.claim != 0 {
		if !m.volume.marked {
			w.lost++ // nothing on it tells that it is the same
		}
		m.claimSeq++
		m.claim = m.claimSeq
	}
}

// stuck says why a pod cannot get on.
func (m *member) stuck() string {
	switch {
	case m.pod == 0:
		return ""
	case m.template == TemplateNoNode || m.stranded || m.claim == 0:
		return "cannot be scheduled"
	case m.template == TemplateNoImage && m.released:
		return "ImagePullBackOff"
	default:
		return ""
	}
}
