// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/hack/bench/quorum"
	"github.com/quorate/quorate/hack/cluster/storage"
)

const (
	// smallDisk and largeDisk are the sizes of volumes before and after.
	smallDisk, largeDisk = "64Mi", "192Mi"
	// fullTime is for how long is waited until a full disk is noticed.
	fullTime = 45 * time.Second
	// untilEnlarged is what a person takes to raise the size, at the very least.
	untilEnlarged = 20 * time.Second
	// fullValue is the size in bytes of what the client writes, so that the
	// leader's log needs a new file soon.
	fullValue = 8 << 10
)

// fullSetup has volumes of a size that is enforced, and a log in files of 1 MiB
// in the place of 64 MiB, which would be written in advance.
func fullSetup() setup {
	s := consul().three()
	s.storage, s.class = smallDisk, storage.SizedClass
	s.config = object{"raft_logstore": object{"wal": object{"segment_size_mb": 1}}}
	return s
}

// fillDisk fills the leader's volume with a file that nobody removes, waits until
// its server suffers and some time more, and has all volumes enlarged. The time
// counts from then.
func fillDisk(ctx context.Context, st *stage) error {
	lead, err := st.leader()
	if err != nil {
		return err
	}
	folder, err := st.volume(ctx, lead.Name)
	if err != nil {
		return err
	}
	if err := storage.Fill(filepath.Join(folder, "filler")); err != nil {
		return err
	}
	err = st.await(ctx, "the full disk to be noticed", fullTime, func(s quorum.Sample) bool {
		s.Missing = "" // that is the enlargement, which has not begun
		return s.Lacks(len(st.before.Members)) != ""
	})
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if err := rest(ctx, untilEnlarged); err != nil {
		return err
	}
	st.from()
	return st.subject.grow(ctx, st, largeDisk)
}

// volume is where the claim of a member is kept on this machine.
func (st *stage) volume(ctx context.Context, member string) (string, error) {
	var c corev1.PersistentVolumeClaim
	if err := st.K8s.Get(ctx, client.ObjectKey{Namespace: st.namespace, Name: st.subject.claim(member)}, &c); err != nil {
		return "", fmt.Errorf("get the claim of %s: %w", member, err)
	}
	var v corev1.PersistentVolume
	if err := st.K8s.Get(ctx, client.ObjectKey{Name: c.Spec.VolumeName}, &v); err != nil {
		return "", fmt.Errorf("get the volume of %s: %w", member, err)
	}
	if v.Spec.Local == nil {
		return "", fmt.Errorf("the volume of %s is not kept on this machine", member)
	}
	return v.Spec.Local.Path, nil
}

// enlarged waits for every claim to have what is asked for.
func enlarged(ctx context.Context, st *stage) string {
	var claims corev1.PersistentVolumeClaimList
	if err := st.K8s.List(ctx, &claims, client.InNamespace(st.namespace)); err != nil {
		return err.Error()
	}
	want := resource.MustParse(largeDisk)
	for _, c := range claims.Items {
		if c.Status.Capacity.Storage().Cmp(want) < 0 {
			return fmt.Sprintf("claim %s has %s", c.Name, c.Status.Capacity.Storage())
		}
	}
	return ""
}
