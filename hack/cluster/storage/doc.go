// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package storage provisions volumes for the local test cluster, whose nodes are network namespaces of one host and
// share its file system. It is test equipment: one process on the host, with root, outside the cluster.
//
// A volume is a directory <dir>/<node>/<persistent volume>, offered as a PersistentVolume of kind local, to which
// kubelet applies fsGroup. Class standard hands out the bare directory: the size asked for is recorded, not enforced.
// Class sized mounts an image file of exactly that size there, so that a disk can be full and can grow under a pod.
//
// The image holds XFS, not ext4: growing a mounted ext4 needs CAP_SYS_RESOURCE, which many containers and virtual
// machines withhold even from root, whereas XFS asks for CAP_SYS_ADMIN alone, which mounting needs anyhow. What the
// file system takes for itself, 5 MiB and some hundredths, is missing from what a pod can write. A new image gets the
// empty lost+found directory with which most disks of real clusters begin, so that nobody relies on its absence.
//
// Not done: block volumes, more than one writing node, snapshots, clones, mount options. Images are sparse, hence a
// full host is seen as an input/output error in the pod. A volume on a node that is down is reclaimed at once, for the
// host is still there. A directory made in the moment before a crash, whose claim is then deleted, stays until Cleanup.
package storage
