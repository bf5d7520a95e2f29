// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package members

import (
	"fmt"
	"hash/fnv"
	"maps"
	"strings"

	"encoding/json"

	"github.com/quorate/quorate/internal/agent/fence"
	"github.com/quorate/quorate/internal/agent/gate"
	"github.com/quorate/quorate/internal/agent/mounts"
	"github.com/quorate/quorate/internal/agent/protocol"
	agentvolume "github.com/quorate/quorate/internal/agent/volume"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/enginetest"
)

// member is one agent and its server.
type member struct {
	ending   bool // its server is to end, and goes on for now
	set      *set
	pod      Pod
	volume   *volume
	released bool
	epoch    int64
	action   *engine.ActionState
	leaving  bool
	// files are the reloadable ones that the server has; those of its pod until
	// it was given others.
	files map[string]string
}

// state is the volume's, by the agent's own rule.
func (m *member) state() engine.VolumeState {
	own := agentvolume.Identity{Member: m.pod.Name, ClusterID: m.pod.ClusterID}
	return agentvolume.Classify(own, agentvolume.Evidence{Marker: m.volume.marker, Data: m.set.model.HasData(m.pod.number)}).State
}

func (m *member) decide() { m.released = gate.Decide(m.state()).Open }

// start runs the server's container; it tells whether anything has changed.
func (m *member) start() bool {
	i := m.pod.number
	if !m.released || m.set.model.Running(i) {
		return false
	}
	if m.volume.marker.Leaving {
		m.set.crashes = append(m.set.crashes, m.pod.Name+" was started on the data of a member that left")
	}
	m.set.model.Start(i, *m.volume.marker)
	m.note()
	return true
}

// note keeps on the volume what the agent sees.
func (m *member) note() {
	server := m.observe()
	if server.Running {
		m.volume.lastID = server.ID
		if server.Formed && m.volume.marker != nil && !m.volume.marker.Leaving {
			m.volume.marker.Formed = true
		}
	}
	if m.leaving && !server.Running {
		m.leaving = false
		m.action.Done = true
	}
}

// observe is what the server says, under the names of this Datastore.
func (m *member) observe() engine.Server {
	server := m.set.model.Observe(m.pod.number)
	if !server.Running {
		server.ID = m.volume.lastID
	} else {
		server.Settings = engine.SettingsHash(m.settings())
	}
	server.Keys = m.set.outward(server.Keys)
	server.Accounts = m.set.accounts.of(server)
	server.Logins = m.set.passwords.logins(m, server)
	if server.View != nil {
		peers := make([]engine.Peer, 0, len(server.View.Peers))
		for _, p := range server.View.Peers {
			p.Name = m.outward(p.Name)
			peers = append(peers, p)
		}
		server.View = &engine.View{Peers: peers, Tolerance: server.View.Tolerance}
	}
	return server
}

// outward and inward translate between the model's names of members and this
// Datastore's.
func (m *member) outward(name string) string {
	return m.set.layout.Member(int32(engine.OrdinalOf(name)))
}

func (m *member) inward(name string) string {
	n, ok := m.set.layout.Number(name)
	if !ok {
		return name
	}
	return enginetest.Name(int(n))
}

func (m *member) settings() map[string]string {
	if m.files != nil {
		return m.files
	}
	return m.pod.Files
}

func (m *member) report() (engine.Report, string) {
	r := engine.Report{
		Protocol: protocol.Version, Member: m.pod.Name, PodUID: string(m.pod.UID),
		Volume: m.state(), Released: m.released || m.set.model.Running(m.pod.number), Epoch: m.epoch, Ending: m.ending, Server: m.observe(),
	}
	if mk := m.volume.marker; mk != nil {
		r.ClusterID, r.ClaimUID, r.Grant, r.Recovered = mk.Grant.ClusterID, mk.Grant.ClaimUID, mk.Grant.Kind, mk.Recovered
		if mk.Recovery != nil {
			r.Recovery = mk.Recovery.Number
		}
	}
	r.Mounts = map[string]string{}
	for key, value := range m.pod.Mounted {
		r.Mounts[mounts.Key(mounts.Member, key)] = mounts.Hash(value)
	}
	if m.action != nil {
		action := *m.action
		r.Action = &action
	}
	text, err := json.Marshal(r)
	if err != nil {
		panic("a report is always valid JSON: " + err.Error())
	}
	sum := fnv.New64a()
	_, _ = sum.Write(text)
	return r, fmt.Sprintf("%s-%x", m.pod.UID, sum.Sum64())
}

// act takes one request, past the fence.
func (m *member) act(req protocol.ActionRequest) *protocol.Refusal {
	own := fence.Own{Member: m.pod.Name, PodUID: string(m.pod.UID), ClusterID: m.pod.ClusterID, Epoch: m.epoch}
	if r := fence.Check(own, req); r != nil {
		return r
	}
	m.epoch = max(m.epoch, req.Epoch)
	if m.volume.marker != nil {
		m.volume.marker.Epoch = m.epoch
	}
	if a := m.action; a != nil && a.ID == req.ID && a.Error == "" {
		return nil
	}
	if m.action != nil && !m.action.Done {
		return refuse(protocol.RefusedBusy, "another action is being carried out")
	}
	if req.Grant != nil {
		return m.take(req.ID, *req.Grant)
	}
	return m.step(req.ID, own, *req.Step)
}

func (m *member) take(id string, g engine.Grant) *protocol.Refusal {
	if g.ClaimUID != string(m.pod.ClaimUID) {
		return refuse(protocol.RefusedOther, "the grant is for the claim "+g.ClaimUID)
	}
	verdict, why := gate.Judge(m.state(), m.volume.marker, g)
	switch verdict {
	case gate.Refuse:
		return refuse(protocol.RefusedVolume, why)
	case gate.TakeAfterRetiring:
		m.set.model.Wipe(m.pod.number)
		m.volume.lastID = ""
	}
	if verdict != gate.Have {
		m.volume.marker = &engine.Marker{Version: agentvolume.MarkerVersion, Member: m.pod.Name, Grant: g, Epoch: m.epoch}
	}
	m.set.giveKeys(m)
	m.action = &engine.ActionState{ID: id, Kind: engine.StepGrant, Done: true}
	m.decide()
	return nil
}

func (m *member) step(id string, own fence.Own, s engine.Step) *protocol.Refusal {
	if r := fence.CheckStep(own, m.observe(), s); r != nil {
		return r
	}
	switch state := m.state(); {
	case state == engine.VolumeLeaving && s.Kind != engine.StepLeave:
		return refuse(protocol.RefusedVolume, "a member that is leaving takes no step "+string(s.Kind))
	case s.Kind == engine.StepRecover:
		return m.recover(id, s)
	case state != engine.VolumeMember && state != engine.VolumeLeaving:
		return refuse(protocol.RefusedVolume, "there is no server")
	}
	m.action = &engine.ActionState{ID: id, Kind: s.Kind}
	leaves := s.Kind == engine.StepLeave && s.About() == m.pod.Name
	if leaves {
		m.volume.marker.Leaving, m.released = true, false
	}
	if err := m.do(s); err != nil {
		m.action.Done, m.action.Error = true, err.Error()
		return nil
	}
	m.leaving = leaves && m.set.model.Running(m.pod.number)
	m.action.Done = !m.leaving
	return nil
}

// recover marks the volume for a recovery, or as one that was given up.
func (m *member) recover(id string, s engine.Step) *protocol.Refusal {
	m.action = &engine.ActionState{ID: id, Kind: s.Kind, Done: true}
	mk := m.volume.marker
	switch {
	case len(s.Params) > 0 && (mk.Recovery == nil || mk.Recovery.Number < s.Recovery):
		mk.Recovery = &engine.Recovery{Number: s.Recovery, Params: maps.Clone(s.Params)}
	case len(s.Params) == 0 && mk.Recovery != nil && mk.Recovery.Number == s.Recovery:
		mk.Recovered = s.Recovery
	}
	m.decide()
	return nil
}

// prepare prepares the data for a recovery, once no server runs.
func (m *member) prepare() {
	if m.state() != engine.VolumeRecovering || m.set.model.Running(m.pod.number) {
		return
	}
	m.set.model.Recover(m.pod.number, m.volume.marker.Recovery.Params)
	m.volume.marker.Recovered = m.volume.marker.Recovery.Number
	m.decide()
}

// checkBootstrap holds that the first access token is the one that the members have.
func (m *member) checkBootstrap(s engine.Step) error {
	if s.Kind != engine.StepBootstrap {
		return nil
	}
	for _, key := range s.Secrets {
		if s.Credentials[key] == "" {
			return fmt.Errorf("the credential %s did not come with the step", key)
		}
	}
	if agent := s.Credentials["agent-token"]; agent == "" || agent != string(m.pod.Mounted["agent-token"]) {
		return fmt.Errorf("the agents' token is another than the mounted one")
	}
	if s.Credentials["management-token"] == "" {
		return fmt.Errorf("no management token came with the step")
	}
	return nil
}

// do has the server carry out a step.
func (m *member) do(s engine.Step) error {
	if err := m.checkBootstrap(s); err != nil {
		return err
	}
	if !m.set.model.Running(m.pod.number) {
		return nil
	}
	if s.Kind == engine.StepReload {
		m.files = maps.Clone(s.Params)
		return nil
	}
	if s.Accounts != nil {
		m.set.accounts.take(m.observe(), s)
		return nil
	}
	if isPassword(s) {
		return m.set.passwords.change(m.observe(), s)
	}
	if s.Key != nil {
		change, err := m.set.inward(s)
		if err != nil {
			return err
		}
		s.Key = change
	}
	if prefer := s.Params[enginetest.ParamPrefer]; prefer != "" {
		s.Params = maps.Clone(s.Params)
		names := strings.Split(prefer, ",")
		for i := range names {
			names[i] = m.inward(names[i])
		}
		s.Params[enginetest.ParamPrefer] = strings.Join(names, ",")
	}
	s.Member, s.Subject = m.inward(s.Member), m.inward(s.Subject)
	if err := m.set.model.Do(m.pod.number, s); err != nil {
		return fmt.Errorf("carry out %s: %w", s.Kind, err)
	}
	return nil
}

func refuse(reason protocol.RefusalReason, message string) *protocol.Refusal {
	return &protocol.Refusal{Reason: reason, Message: message}
}
