// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package members stands in for the agents and the servers of Datastores: it
// is what a manager meets behind fleet.Client. An agent here obeys the real
// fence, gate and volume rules; its server is the contract suite's model of a
// Raft server, speaking Consul's words.
//
// Servers take no time: whatever they would do by themselves they have done
// when a call returns, unless they are held. Pods and claims come and go by
// the word of a kubelet, real or double.
package members

import (
	"context"
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/enginetest/raft"
	"github.com/quorate/quorate/internal/layout"
)

// World holds the members of all Datastores.
type World struct {
	// Changed is told of a pod whose agent or server has changed, outside of
	// any lock. It must not block.
	Changed func(pod types.NamespacedName)

	mu     sync.Mutex
	sets   map[types.NamespacedName]*set
	byAddr map[string]*member
	byUID  map[types.UID]*member
}

// New returns a world without members.
func New() *World {
	return &World{
		Changed: func(types.NamespacedName) {},
		sets:    map[types.NamespacedName]*set{}, byAddr: map[string]*member{}, byUID: map[types.UID]*member{},
	}
}

// Pod is what a kubelet tells of a pod whose init container has ended.
type Pod struct {
	Datastore types.NamespacedName
	Name      string
	UID       types.UID
	ClaimUID  types.UID
	ClusterID string
	IP        string
	// Files are the reloadable ones that the server reads as it starts.
	Files map[string]string
	// Mounted is the members' Secret.
	Mounted map[string][]byte

	// number is the member's, by the layout of its Datastore.
	number int
}

// State is what a kubelet needs to know of a member.
type State struct {
	// Released is true once the gate is open.
	Released bool
	// Running and Serving are the server's.
	Running, Serving bool
}

// Boot starts the agent of a pod. Booting the same pod again changes nothing.
func (w *World) Boot(p Pod) {
	w.mu.Lock()
	if w.byUID[p.UID] != nil {
		w.mu.Unlock()
		return
	}
	s := w.set(p.Datastore)
	n, ok := s.layout.Number(p.Name)
	if !ok {
		panic(p.Name + " is no member of " + s.key.String())
	}
	p.number = int(n)
	if former := s.members[p.number]; former != nil {
		w.drop(former)
	}
	m := s.boot(p)
	w.byUID[p.UID], w.byAddr[p.IP] = m, m
	s.settle()
	w.unlockAndTell(s)
}

// Kill ends agent and server of a pod at once.
func (w *World) Kill(uid types.UID) {
	w.mu.Lock()
	m := w.byUID[uid]
	if m == nil {
		w.mu.Unlock()
		return
	}
	w.drop(m)
	m.set.settle()
	w.unlockAndTell(m.set)
}

// End is the kubelet asking a pod's server to end, which takes its time.
func (w *World) End(uid types.UID) {
	w.mu.Lock()
	m := w.byUID[uid]
	if m == nil || m.ending {
		w.mu.Unlock()
		return
	}
	m.ending = true
	w.unlockAndTell(m.set)
}

// Mount is the kubelet bringing what a running pod has mounted of the members'
// Secret up to date.
func (w *World) Mount(uid types.UID, mounted map[string][]byte) {
	w.mu.Lock()
	m := w.byUID[uid]
	if m == nil {
		w.mu.Unlock()
		return
	}
	m.pod.Mounted = mounted
	m.set.checkPasswords()
	w.unlockAndTell(m.set)
}

// drop ends a member; the lock is held.
func (w *World) drop(m *member) {
	delete(w.byUID, m.pod.UID)
	if w.byAddr[m.pod.IP] == m {
		delete(w.byAddr, m.pod.IP)
	}
	m.set.kill(m)
}

// Start is the kubelet starting the server's container.
func (w *World) Start(uid types.UID) {
	w.mu.Lock()
	m := w.byUID[uid]
	if m == nil || !m.start() {
		w.mu.Unlock()
		return
	}
	m.set.settle()
	w.unlockAndTell(m.set)
}

// Look returns the state of a pod's member, and false where it never booted.
func (w *World) Look(uid types.UID) (State, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	m := w.byUID[uid]
	if m == nil {
		return State{}, false
	}
	server := m.observe()
	return State{Released: m.released, Running: server.Running, Serving: server.Serving}, true
}

// Hold has the servers of a Datastore do nothing by themselves until they are
// let go.
func (w *World) Hold(datastore types.NamespacedName, hold bool) {
	w.mu.Lock()
	s := w.set(datastore)
	s.held = hold
	s.settle()
	w.unlockAndTell(s)
}

// Silence has the agent of a pod of a Datastore not answer, whichever pod it
// is, until it is lifted.
func (w *World) Silence(datastore types.NamespacedName, ordinal int, silent bool) {
	w.mu.Lock()
	s := w.set(datastore)
	s.silent[ordinal] = silent
	w.unlockAndTell(s)
}

// SilencePod does it by the pod's name.
func (w *World) SilencePod(datastore types.NamespacedName, pod string, silent bool) {
	n, _ := w.Layout(datastore).Number(pod)
	w.Silence(datastore, int(n), silent)
}

// Racks has the members of a Datastore be named as those of racks are. It is called
// before there is a pod of it.
func (w *World) Racks(datastore types.NamespacedName, racks ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.set(datastore).layout = layout.New(datastore.Name, racks...)
}

// Layout is that of the members of a Datastore.
func (w *World) Layout(datastore types.NamespacedName) layout.Layout {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.set(datastore).layout
}

// Formations returns how many sets the servers of a Datastore ever formed.
func (w *World) Formations(datastore types.NamespacedName) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.set(datastore).model.Truth().Formations
}

// Crashes lists what no server would have survived, in sentences.
func (w *World) Crashes(datastore types.NamespacedName) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.set(datastore).crashes...)
}

// set returns the members of a Datastore; the lock is held.
func (w *World) set(datastore types.NamespacedName) *set {
	s := w.sets[datastore]
	if s == nil {
		s = &set{
			key: datastore, layout: layout.New(datastore.Name), model: raft.New(words), changed: make(chan struct{}),
			silent: map[int]bool{}, volumes: map[types.UID]*volume{},
		}
		w.sets[datastore] = s
	}
	return s
}

// unlockAndTell wakes the long polls of a set and the kubelet of its pods.
func (w *World) unlockAndTell(s *set) {
	close(s.changed)
	s.changed = make(chan struct{})
	var pods []types.NamespacedName
	for _, m := range s.members {
		if m != nil {
			pods = append(pods, types.NamespacedName{Namespace: s.key.Namespace, Name: m.pod.Name})
		}
	}
	w.mu.Unlock()
	for _, p := range pods {
		w.Changed(p)
	}
}

// at returns the member that answers at an address; the lock is held.
func (w *World) at(addr string) (*member, error) {
	m := w.byAddr[addr]
	if m == nil || m.set.silent[m.pod.number] {
		return nil, fmt.Errorf("dial %s: nobody answers", addr)
	}
	return m, nil
}

// await waits for a report of another revision.
func (w *World) await(ctx context.Context, addr, since string, over <-chan struct{}) (engine.Report, string, error) {
	for {
		w.mu.Lock()
		m, err := w.at(addr)
		if err != nil {
			w.mu.Unlock()
			return engine.Report{}, "", err
		}
		report, revision := m.report()
		changed := m.set.changed
		w.mu.Unlock()
		if revision != since {
			return report, revision, nil
		}
		select {
		case <-changed:
		case <-over:
			return report, revision, nil
		case <-ctx.Done():
			return engine.Report{}, "", fmt.Errorf("report of %s: %w", addr, ctx.Err())
		}
	}
}
