// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Expansion is how far a claim is on its way to the size that it is to have.
type Expansion string

const (
	// ExpansionDone says that the claim has the size or more.
	ExpansionDone Expansion = "Done"
	// ExpansionDue says that the claim does not ask for the size yet.
	ExpansionDue Expansion = "Due"
	// ExpansionRunning says that the claim asks for it and does not have it yet,
	// which may wait for a pod that mounts the volume.
	ExpansionRunning Expansion = "Running"
	// ExpansionInfeasible says that the storage has refused it for good, such as
	// for want of space.
	ExpansionInfeasible Expansion = "Infeasible"
)

// Expansion tells how far a claim is, and what is the matter in a clause; the
// clause is empty where it is done.
//
// A claim that asks for more than is wanted is done as soon as it has what is
// wanted; the API server lets nobody make it smaller. Nor does it let a claim
// ask for more before it is bound; one that asks for enough gets that when it
// is, and there is nothing to enlarge.
func (b Builder) Expansion(claim *corev1.PersistentVolumeClaim) (Expansion, string) {
	want := b.ClaimSize()
	asked, has := claim.Spec.Resources.Requests.Storage(), claim.Status.Capacity.Storage()
	switch {
	case asked.Cmp(want) < 0 && claim.Status.Phase != corev1.ClaimBound:
		return ExpansionRunning, fmt.Sprintf("claim %s asks for %s, and can be made to ask for %s once it is bound", claim.Name, asked, &want)
	case asked.Cmp(want) < 0:
		return ExpansionDue, fmt.Sprintf("claim %s asks for %s and is to have %s", claim.Name, asked, &want)
	case claim.Status.Phase != corev1.ClaimBound || has.Cmp(want) >= 0:
		return ExpansionDone, ""
	}
	switch claim.Status.AllocatedResourceStatuses[corev1.ResourceStorage] {
	case corev1.PersistentVolumeClaimControllerResizeInfeasible, corev1.PersistentVolumeClaimNodeResizeInfeasible:
		return ExpansionInfeasible, fmt.Sprintf("the storage cannot enlarge claim %s from %s to %s%s", claim.Name, has, &want, resizeNote(claim))
	}
	return ExpansionRunning, fmt.Sprintf("claim %s has %s and is being enlarged to %s%s", claim.Name, has, &want, resizeNote(claim))
}

// resizeNote returns what the claim's conditions say of it, with a colon.
func resizeNote(claim *corev1.PersistentVolumeClaim) string {
	for _, c := range claim.Status.Conditions {
		switch c.Type {
		case corev1.PersistentVolumeClaimFileSystemResizePending, corev1.PersistentVolumeClaimControllerResizeError, corev1.PersistentVolumeClaimNodeResizeError:
			if c.Status == corev1.ConditionTrue && c.Message != "" {
				return ": " + c.Message
			}
		}
	}
	return ""
}

// ResizeRefused tells whether the API server refused to let a claim ask for more
// because its StorageClass does not allow it, or its volume was not made by one.
// It says so as a forbidden request, which a missing right is too; so the text
// is looked at.
func ResizeRefused(err error) bool {
	return apierrors.IsForbidden(err) && strings.Contains(err.Error(), "must support resize")
}
