// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package storage

import (
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

func claimOf(size string) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: "db", Name: "data-0", UID: "1234"},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources: corev1.VolumeResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)},
			},
		},
	}
}

func TestRequestedIsExactForDirectoriesAndWholeBlocksForImages(t *testing.T) {
	for _, c := range []struct {
		size string
		kind kind
		want int64
	}{
		{"1", directory, 1},
		{"2Gi", directory, 2 << 30},
		{"1", image, minImage},
		{"16Mi", image, 16 << 20},
		{"20000001", image, 20000768},
		{"1Gi", image, 1 << 30},
	} {
		g := NewWithT(t)
		g.Expect(requested(claimOf(c.size), c.kind)).To(Equal(c.want), "%s of kind %s", c.size, c.kind)
	}
}

func TestRefuseNamesWhatNoNodeCanServe(t *testing.T) {
	for want, change := range map[string]func(*corev1.PersistentVolumeClaimSpec){
		"volumeMode": func(s *corev1.PersistentVolumeClaimSpec) { s.VolumeMode = ptr.To(corev1.PersistentVolumeBlock) },
		"ReadWriteMany": func(s *corev1.PersistentVolumeClaimSpec) {
			s.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce, corev1.ReadWriteMany}
		},
		"data source": func(s *corev1.PersistentVolumeClaimSpec) {
			s.DataSourceRef = &corev1.TypedObjectReference{Kind: "PersistentVolumeClaim", Name: "other"}
		},
		"selector": func(s *corev1.PersistentVolumeClaimSpec) { s.Selector = &metav1.LabelSelector{} },
	} {
		g := NewWithT(t)
		claim := claimOf("1Gi")
		g.Expect(refuse(claim)).To(Succeed())
		change(&claim.Spec)
		g.Expect(refuse(claim)).To(MatchError(ContainSubstring(want)))
	}
}

func TestKindOfRefusesClassesItCannotServe(t *testing.T) {
	g := NewWithT(t)
	for _, object := range Objects() {
		_, err := kindOf(object.(*storagev1.StorageClass))
		g.Expect(err).NotTo(HaveOccurred(), object.GetName())
	}
	for want, change := range map[string]func(*storagev1.StorageClass){
		"unknown parameter":    func(c *storagev1.StorageClass) { c.Parameters["size"] = "1Gi" },
		"unknown kind":         func(c *storagev1.StorageClass) { c.Parameters[kindKey] = "tape" },
		"WaitForFirstConsumer": func(c *storagev1.StorageClass) { c.VolumeBindingMode = nil },
	} {
		c := class("odd", directory)
		change(c)
		_, err := kindOf(c)
		g.Expect(err).To(MatchError(ContainSubstring(want)))
	}
}

func TestDisposeRemovesDataOnlyWhenNobodyCanUseIt(t *testing.T) {
	now := ptr.To(metav1.Now())
	const protection = "kubernetes.io/pv-protection"
	remove, retain := corev1.PersistentVolumeReclaimDelete, corev1.PersistentVolumeReclaimRetain
	for name, c := range map[string]struct {
		policy     corev1.PersistentVolumeReclaimPolicy
		phase      corev1.PersistentVolumePhase
		deleted    *metav1.Time
		finalizers []string
		want       disposal
	}{
		"pending":                      {remove, corev1.VolumePending, nil, []string{finalizer}, keep},
		"bound":                        {remove, corev1.VolumeBound, nil, []string{finalizer, protection}, keep},
		"released":                     {remove, corev1.VolumeReleased, nil, []string{finalizer, protection}, reclaim},
		"released, deletion begun":     {remove, corev1.VolumeReleased, now, []string{protection, finalizer}, reclaim},
		"bound, object deleted":        {remove, corev1.VolumeBound, now, []string{finalizer, protection}, keep},
		"unprotected, object deleted":  {remove, corev1.VolumeAvailable, now, []string{finalizer}, reclaim},
		"held by another":              {remove, corev1.VolumeAvailable, now, []string{"someone/else"}, keep},
		"retained, released":           {retain, corev1.VolumeReleased, nil, []string{finalizer, protection}, keep},
		"retained, protected, deleted": {retain, corev1.VolumeBound, now, []string{finalizer, protection}, keep},
		"retained, object deleted":     {retain, corev1.VolumeReleased, now, []string{finalizer}, release},
	} {
		g := NewWithT(t)
		pv := &corev1.PersistentVolume{
			ObjectMeta: metav1.ObjectMeta{DeletionTimestamp: c.deleted, Finalizers: c.finalizers},
			Spec:       corev1.PersistentVolumeSpec{PersistentVolumeReclaimPolicy: c.policy},
			Status:     corev1.PersistentVolumeStatus{Phase: c.phase},
		}
		g.Expect(dispose(pv)).To(Equal(c.want), name)
	}
}

func TestPlaceOfAcceptsOnlyItsOwnPaths(t *testing.T) {
	g := NewWithT(t)
	d := disks{dir: "/srv/volumes"}
	g.Expect(d.placeOf("/srv/volumes/node1/pvc-1", "pvc-1")).To(Equal(place{node: "node1", volume: "pvc-1"}))
	for _, path := range []string{
		"/srv/volumes/node1/pvc-2", "/srv/volumes/pvc-1", "/srv/volumes/../pvc-1", "/srv/volumes/node1/../pvc-1",
		"/srv/volumes/a/b/pvc-1", "/srv/volumes/node1/pvc-1/", "/pvc-1", "pvc-1", "", "/etc",
	} {
		_, err := d.placeOf(path, "pvc-1")
		g.Expect(err).To(HaveOccurred(), path)
	}
	for _, volume := range []string{"", ".", ".."} {
		_, err := d.placeOf(d.path(place{node: "node1", volume: volume}), volume)
		g.Expect(err).To(HaveOccurred(), "volume %q", volume)
	}
}
