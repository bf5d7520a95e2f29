// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/faultpoint"
	"github.com/quorate/quorate/internal/rotation"
)

// The places between two side effects that belong together. A manager that
// dies at any of them is followed by one that goes on from what it finds.
var (
	pointLedgerWritten       = faultpoint.New("manager.ledger-written")
	pointStatefulSetGone     = faultpoint.New("manager.statefulset-deleted")
	pointClaimLabelled       = faultpoint.New("manager.claim-labelled")
	pointPodLabelled         = faultpoint.New("manager.pod-labelled")
	pointStatefulSetOrphaned = faultpoint.New("manager.statefulset-orphaned")
	pointStatefulSetMarked   = faultpoint.New("manager.statefulset-marked")
	pointSecretCreated       = faultpoint.New("manager.secret-created")
	pointAccountWritten      = faultpoint.New("manager.account-written")
	pointBudgetApplied       = faultpoint.New("manager.budget-applied")
	pointServicesApplied     = faultpoint.New("manager.services-applied")
	pointConfigApplied       = faultpoint.New("manager.config-applied")
	pointRackApplied         = faultpoint.New("manager.rack-applied")
	pointStatefulSetDone     = faultpoint.New("manager.statefulset-applied")
	pointClaimOwned          = faultpoint.New("manager.claim-owned")
	pointClaimEnlarged       = faultpoint.New("manager.claim-enlarged")
	pointClaimDeleted        = faultpoint.New("manager.claim-deleted")
	pointAgentUpgraded       = faultpoint.New("manager.agent-upgraded")
	pointAddressWithdrawn    = faultpoint.New("manager.address-withdrawn")
	pointPodDeleted          = faultpoint.New("manager.pod-deleted")
	pointAsked               = faultpoint.New("manager.asked")
	pointStatusWritten       = faultpoint.New("manager.status-written")
)

// renewalPoints are those after each kind of write by which certificates are
// renewed.
var renewalPoints = map[rotation.Kind]faultpoint.Point{
	rotation.Introduce: faultpoint.New("manager.authority-introduced"),
	rotation.Trust:     faultpoint.New("manager.trust-written"),
	rotation.Issue:     faultpoint.New("manager.pair-issued"),
	rotation.Promote:   faultpoint.New("manager.authority-promoted"),
}

// keyPoints are those after each kind of write by which a key, or a password, is rotated.
var keyPoints = map[engine.KeyPhase]faultpoint.Point{
	engine.KeyIntroduce: faultpoint.New("manager.key-introduced"),
	engine.KeyPromote:   faultpoint.New("manager.key-promoted"),
	engine.KeyForget:    faultpoint.New("manager.key-forgotten"),
}
