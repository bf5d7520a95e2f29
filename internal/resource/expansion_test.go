// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
)

// sized returns a bound claim.
func sized(asks, has string, change func(*corev1.PersistentVolumeClaim)) *corev1.PersistentVolumeClaim {
	c := claim("data-db-0", "a")
	c.Spec.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: apiresource.MustParse(asks)}
	c.Status.Phase = corev1.ClaimBound
	c.Status.Capacity = corev1.ResourceList{corev1.ResourceStorage: apiresource.MustParse(has)}
	if change != nil {
		change(c)
	}
	return c
}

func TestExpansion(t *testing.T) {
	unbound := func(c *corev1.PersistentVolumeClaim) {
		c.Status = corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimPending}
	}
	status := func(s corev1.ClaimResourceStatus) func(*corev1.PersistentVolumeClaim) {
		return func(c *corev1.PersistentVolumeClaim) {
			c.Status.AllocatedResourceStatuses = map[corev1.ResourceName]corev1.ClaimResourceStatus{corev1.ResourceStorage: s}
		}
	}
	b := New(input(datastore().StorageSize("2Gi").Obj()))
	for _, c := range []struct {
		name  string
		claim *corev1.PersistentVolumeClaim
		want  Expansion
		says  string
	}{
		{"as it is to be", sized("2Gi", "2Gi", nil), ExpansionDone, ""},
		{"in another unit", sized("2048Mi", "2147483648", nil), ExpansionDone, ""},
		{"rounded up", sized("2Gi", "3Gi", nil), ExpansionDone, ""},
		{"larger than wanted", sized("5Gi", "5Gi", nil), ExpansionDone, ""},
		{"large enough on its way to more", sized("5Gi", "2Gi", nil), ExpansionDone, ""},
		{"asks for less", sized("1Gi", "1Gi", nil), ExpansionDue, "claim data-db-0 asks for 1Gi and is to have 2Gi"},
		{"asks for less and has enough", sized("1Gi", "4Gi", nil), ExpansionDue, "asks for 1Gi"},
		{"asks for it", sized("2Gi", "1Gi", nil), ExpansionRunning, "claim data-db-0 has 1Gi and is being enlarged to 2Gi"},
		{"is resized", sized("2Gi", "1Gi", status(corev1.PersistentVolumeClaimNodeResizeInProgress)), ExpansionRunning, "is being enlarged"},
		{"waits for a pod", sized("2Gi", "1Gi", func(c *corev1.PersistentVolumeClaim) {
			c.Status.Conditions = []corev1.PersistentVolumeClaimCondition{{
				Type: corev1.PersistentVolumeClaimFileSystemResizePending, Status: corev1.ConditionTrue, Message: "Waiting for a pod.",
			}}
		}), ExpansionRunning, "enlarged to 2Gi: Waiting for a pod."},
		{"refused by the storage", sized("2Gi", "1Gi", status(corev1.PersistentVolumeClaimControllerResizeInfeasible)),
			ExpansionInfeasible, "the storage cannot enlarge claim data-db-0 from 1Gi to 2Gi"},
		{"refused on the node", sized("2Gi", "1Gi", status(corev1.PersistentVolumeClaimNodeResizeInfeasible)), ExpansionInfeasible, "cannot enlarge"},
		{"not bound", sized("2Gi", "0", unbound), ExpansionDone, ""},
		{"not bound and asks for less", sized("1Gi", "0", unbound), ExpansionRunning, "can be made to ask for 2Gi once it is bound"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, says := b.Expansion(c.claim)
			if got != c.want || !strings.Contains(says, c.says) || (c.says == "") != (says == "") {
				t.Errorf("got %s, %q; want %s, %q", got, says, c.want, c.says)
			}
		})
	}
}

func TestResizeRefused(t *testing.T) {
	refused := apierrors.NewForbidden(corev1.Resource("persistentvolumeclaims"), "data-db-0", errors.New("the storageclass that provisions the pvc must support resize"))
	right := apierrors.NewForbidden(corev1.Resource("persistentvolumeclaims"), "data-db-0", errors.New(`User "x" cannot patch resource`))
	if !ResizeRefused(refused) || ResizeRefused(right) || ResizeRefused(errors.New("must support resize")) || ResizeRefused(nil) {
		t.Error("a refusal of the class is not told from others")
	}
}
