// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package raft

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/enginetest"
)

// paramSurvivors are the identities of which the set is made.
const paramSurvivors = "survivors"

// factVoters are the identities that have a vote, by a server's own data.
const factVoters = "voters"

var (
	_ engine.Recoverer     = Engine{}
	_ enginetest.Recoverer = (*Model)(nil)
)

// Remains implements engine.Recoverer: all data is as new.
func (Engine) Remains(have []engine.MemberObservation) engine.Remains {
	for _, m := range have {
		if voters := m.Report.Server.Facts[factVoters]; voters != "" {
			return engine.Remains{Newest: m.Name, Voters: strings.Split(voters, ","), Why: "all are as new"}
		}
	}
	return engine.Remains{Why: "no server runs"}
}

// Recover implements engine.Recoverer.
func (Engine) Recover(survivors []engine.MemberObservation) map[string]string {
	var out []string
	for _, m := range survivors {
		out = append(out, m.Report.Server.ID)
	}
	return map[string]string{paramSurvivors: strings.Join(out, ",")}
}

// identity is one in the parameters of any engine whose servers are modelled
// here.
var identity = regexp.MustCompile(`node-(\d+)-(\d+)`)

// Recover implements enginetest.Recoverer: the set has these members from now
// on, whether they have their data or not. In a real one each server finds that
// out as it starts.
func (m *Model) Recover(i int, params map[string]string) []int {
	var survivors []int
	var peers []peer
	for _, text := range params {
		for _, named := range identity.FindAllStringSubmatch(text, -1) {
			member, gen := number(named[1]), number(named[2])
			survivors = append(survivors, int(member))
			peers = append(peers, peer{member, gen, true})
		}
	}
	if m.servers[i].set == 0 {
		return survivors // it gets the state from another one of them
	}
	k := &m.sets[m.servers[i].set-1]
	k.peers, k.leader = peers, -1
	k.term++
	return survivors
}

func number(text string) uint8 {
	n, err := strconv.ParseUint(text, 10, 8)
	if err != nil {
		panic("an identity of the model has small numbers: " + err.Error())
	}
	return uint8(n)
}
