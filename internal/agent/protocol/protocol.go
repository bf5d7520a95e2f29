// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package protocol is what manager and agent say to each other: HTTP and JSON
// over mutual TLS, the agent serving.
//
// There are two calls. GET /v1/report has the agent look at its server and then
// answers, or, given the revision that the caller has, answers when the report
// has changed or the wait is over. POST
// /v1/action starts one action; its outcome is read from the report. A manager
// and an agent understand each other across two minor versions: fields are
// only ever added, and unknown ones are ignored.
package protocol

import (
	"time"

	"github.com/quorate/quorate/internal/engine"
)

const (
	// Version of the protocol that this build speaks.
	Version = 1
	// Port is where the agent serves the manager.
	Port = 7743
	// ProbePort is where the agent answers the kubelet's probes: plain HTTP,
	// read-only.
	ProbePort = 7744
	// ReportPath is the call for a member's report.
	ReportPath = "/v1/report"
	// ActionPath is the call for an action.
	ActionPath = "/v1/action"
	// StartPath is the startup probe: whether the gate is open.
	StartPath = "/started"
	// ReadyPath is the readiness probe: whether this member serves, caught up in
	// its planned role.
	ReadyPath = "/ready"
	// DrainPath is what preStop asks for, on the agent's unix socket only.
	DrainPath = "/drain"
	// SinceParam names the revision that the caller has.
	SinceParam = "since"
	// WaitParam is how long the agent may hold the answer back, in whole
	// seconds; it is cut to MaxWaitSeconds.
	WaitParam = "wait"
	// MaxWaitSeconds is the longest that an answer is held back.
	MaxWaitSeconds = 60
	// MaxReportBytes bounds what the manager reads from an agent.
	MaxReportBytes = 256 << 10
	// MaxActionBytes bounds what an agent reads from the manager. The files of a
	// reload are in a ConfigMap, of which the API server takes 1 MiB; in JSON a
	// printable character takes two bytes for one at most.
	MaxActionBytes = 2<<20 + 64<<10
	// LookTime is for how long an agent looks at its server before it answers.
	// Who asks waits for longer, so that a server that is slow is told of, and
	// its agent not taken for a silent one.
	LookTime = 1500 * time.Millisecond
	// MemberServerName is the name in every member certificate.
	MemberServerName = "member.quorate.dev"
	// ManagerName is the common name in the manager's certificate.
	ManagerName = "manager.quorate.dev"
)

// ReportReply is the answer to a report call.
type ReportReply struct {
	// Revision identifies this content; it is given back as "since". It holds
	// the agent process's own random part, so that a restarted agent never
	// takes an old one for current.
	Revision string        `json:"revision"`
	Report   engine.Report `json:"report"`
}

// ActionRequest asks an agent for one action.
type ActionRequest struct {
	// ID names the action; asking again for the same one while it runs changes
	// nothing, and later resumes or repeats it.
	ID string `json:"id"`
	// Epoch is the manager's; anything older than what the agent has seen is refused.
	Epoch int64 `json:"epoch"`
	// PodUID and ClusterID must be the agent's own. ClusterID is that of the
	// ledger; an agent on an empty volume has none yet and takes it from its
	// own configuration.
	PodUID    string `json:"podUID"`
	ClusterID string `json:"clusterID"`
	// Exactly one of the two is set.
	Grant *engine.Grant `json:"grant,omitempty"`
	Step  *engine.Step  `json:"step,omitempty"`
}

// Refusal is the body of any answer other than 2xx.
type Refusal struct {
	Reason  RefusalReason `json:"reason"`
	Message string        `json:"message"`
}

// RefusalReason is a stable word for why an agent did not act. There may be
// more of them in a later build: one that is not known says no more than that
// the action was not begun.
type RefusalReason string

const (
	// RefusedStale means that the epoch is older than one that the agent has
	// seen: another manager may be in charge (HTTP 409).
	RefusedStale RefusalReason = "Stale"
	// RefusedMoved means that the server's term, or the identity that the step is
	// about, is not the one that the step was planned for, or not known: it is
	// for the same manager to plan anew (HTTP 409). Agents of earlier builds say
	// Stale to that.
	RefusedMoved RefusalReason = "Moved"
	// RefusedOther means that the request is for another pod or another set (HTTP 409).
	RefusedOther RefusalReason = "NotForMe"
	// RefusedBusy means that another action is being carried out (HTTP 409).
	RefusedBusy RefusalReason = "Busy"
	// RefusedVolume means that the volume's state forbids it (HTTP 409).
	RefusedVolume RefusalReason = "Volume"
	// RefusedMalformed means that the request makes no sense (HTTP 400).
	RefusedMalformed RefusalReason = "Malformed"
)
