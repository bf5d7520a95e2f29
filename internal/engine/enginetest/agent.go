// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package enginetest

import (
	"github.com/quorate/quorate/internal/agent/fence"
	"github.com/quorate/quorate/internal/agent/gate"
	"github.com/quorate/quorate/internal/agent/protocol"
	"github.com/quorate/quorate/internal/agent/volume"
	"github.com/quorate/quorate/internal/engine"
)

// clusterID is that of the ledger in every World.
const clusterID = "set-1"

func (w *World) canBoot(i int) bool {
	m := &w.members[i]
	return m.pod != 0 && m.claim != 0 && !m.claimDying && !m.stranded && !m.booted && !m.dying && m.template != TemplateNoNode
}

// boot starts the agent: it looks at the volume and opens the gate of a member.
func (w *World) boot(i int) {
	m := &w.members[i]
	m.booted, m.epoch = true, m.volume.epoch
	w.mount(i)
	w.renderKeys(i)
	decide := gate.Decide
	if w.sc.Executor.Gate != nil {
		decide = w.sc.Executor.Gate
	}
	m.released = decide(w.volumeOf(i)).Open
}

// volumeOf is the state of a volume, by the agent's own rule.
func (w *World) volumeOf(i int) engine.VolumeState {
	v := w.members[i].volume
	e := volume.Evidence{Data: w.model.HasData(i) || v.foreign}
	if v.marked {
		e.Marker = w.marker(i)
	}
	return volume.Classify(volume.Identity{Member: Name(i), ClusterID: clusterID}, e).State
}

func (w *World) marker(i int) *engine.Marker {
	v := w.members[i].volume
	if !v.marked {
		return nil
	}
	g := engine.Grant{Kind: engine.GrantJoin, ClusterID: clusterID, PodUID: podUID(i, v.pod), ClaimUID: claimUID(i, v.claim)}
	if v.form {
		g.Kind, g.Size = engine.GrantForm, int32(v.size)
	}
	mk := &engine.Marker{Version: 1, Member: Name(i), Grant: g, Formed: v.formed, Leaving: v.leaving, Epoch: int64(v.epoch), Recovered: int(v.recovered)}
	if v.recovery > 0 {
		mk.Recovery = &engine.Recovery{Number: int(v.recovery), Params: v.recoverParams()}
	}
	return mk
}

func (w *World) canStart(i int) bool {
	m := &w.members[i]
	return m.booted && m.released && !m.dying && m.stuck() == "" && !w.model.Running(i)
}

func (w *World) start(i int) {
	w.members[i].started = true
	w.model.Start(i, *w.marker(i))
}

func (w *World) canMarkFormed(i int) bool {
	m := &w.members[i]
	return m.booted && m.volume.marked && !m.volume.formed && !m.volume.leaving && w.model.Running(i) && w.model.Observe(i).Formed
}

// canFinish tells whether the leave that the agent carries out is over.
func (w *World) canFinish(i int) bool { return w.members[i].leaving && !w.model.Running(i) }

// report is what an agent says; nil where it says nothing.
func (w *World) report(i int) *engine.Report {
	m := &w.members[i]
	if !m.booted || m.silent {
		return nil
	}
	r := &engine.Report{
		Protocol: protocol.Version, Member: Name(i), PodUID: podUID(i, m.pod),
		Volume:   w.volumeOf(i),
		Released: m.released || w.model.Running(i),
		Epoch:    int64(m.epoch),
		Server:   w.model.Observe(i),
		Mounts:   w.mountsOf(i),
	}
	w.tellLogins(i, &r.Server)
	if mk := w.marker(i); mk != nil {
		r.ClusterID, r.ClaimUID, r.Grant, r.Recovered = mk.Grant.ClusterID, mk.Grant.ClaimUID, mk.Grant.Kind, mk.Recovered
		r.Recovery = int(m.volume.recovery)
	}
	if m.leaving {
		r.Action = &engine.ActionState{ID: "leave", Kind: engine.StepLeave}
	}
	return m.spoil(r)
}

// spoil empties what a faulty endpoint might answer with nothing.
func (m *member) spoil(r *engine.Report) *engine.Report {
	switch m.garbled {
	case garbleServer:
		r.Server = engine.Server{}
	case garbleView:
		if r.Server.View != nil {
			r.Server.View = &engine.View{}
		}
	}
	return r
}

// act is the agent's answer to one request. It returns whether the request was
// accepted.
func (w *World) act(i int, req protocol.ActionRequest) bool {
	m := &w.members[i]
	if !m.booted || m.silent {
		return false
	}
	own := fence.Own{Member: Name(i), PodUID: podUID(i, m.pod), ClusterID: clusterID, Epoch: int64(m.epoch)}
	if w.sc.Executor.Unfenced {
		own.Epoch = 0
	}
	if fence.Check(own, req) != nil {
		return false
	}
	w.see(i, int8(max(req.Epoch, int64(m.epoch))))
	if req.Grant != nil {
		return w.take(i, *req.Grant)
	}
	return w.do(i, own, *req.Step)
}

func (w *World) see(i int, epoch int8) {
	m := &w.members[i]
	m.epoch = epoch
	if m.volume.marked {
		m.volume.epoch = epoch
	}
}

func (w *World) take(i int, g engine.Grant) bool {
	m := &w.members[i]
	verdict, _ := gate.Judge(w.volumeOf(i), w.marker(i), g)
	switch verdict {
	case gate.Have:
		return true
	case gate.TakeAfterRetiring:
		if w.model.Running(i) {
			return false
		}
		w.model.Wipe(i)
	case gate.Take:
	default:
		return false
	}
	w.checkGrant(i, g)
	m.volume = volumeState{marked: true, form: g.Kind == engine.GrantForm, size: int8(g.Size), pod: m.pod, claim: m.claim, epoch: m.epoch}
	m.released, m.leaving = true, false
	w.giveKeys(i)
	return true
}

func (w *World) do(i int, own fence.Own, s engine.Step) bool {
	m := &w.members[i]
	if m.leaving && !(s.Kind == engine.StepLeave && s.About() == Name(i)) {
		return false
	}
	if fence.CheckStep(own, w.model.Observe(i), s) != nil {
		return false
	}
	w.checkStep(i, s)
	if s.Kind == engine.StepRecover {
		return w.beginRecovery(i, s)
	}
	if s.Kind != engine.StepLeave || s.About() != Name(i) {
		return w.model.Do(i, s) == nil
	}
	if !m.volume.marked {
		return false
	}
	switch s.Leave {
	case engine.LeaveMoving:
		return w.model.Do(i, s) == nil
	case engine.LeaveGone:
		if w.model.Observe(i).TakesPart() {
			return false
		}
	case engine.LeaveForGood:
	}
	m.volume.leaving, m.released = true, false
	if !w.model.Running(i) {
		return true
	}
	m.leaving = w.model.Do(i, s) == nil
	return m.leaving
}
