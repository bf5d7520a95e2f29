// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/quorate/quorate/internal/resource"
)

// serverRuns tells since when a pod's server has run without interruption.
func serverRuns(p *corev1.Pod) (since time.Time, runs bool) {
	i := slices.IndexFunc(p.Status.ContainerStatuses, func(c corev1.ContainerStatus) bool {
		return c.Name == resource.ServerContainer && c.State.Running != nil
	})
	if i < 0 {
		return time.Time{}, false
	}
	return p.Status.ContainerStatuses[i].State.Running.StartedAt.Time, true
}

// burnedIn tells whether a pod's server has run for as long as it has to before
// anything is done after which the version before it could not be put back.
// Without a clock none has.
func (s *snapshot) burnedIn(p *corev1.Pod) bool {
	since, runs := serverRuns(p)
	return runs && !s.now.IsZero() && !s.now.Before(since.Add(s.burnIn))
}

// burnsFor is how long it takes until the next server has burned in; false where
// all have. Nothing wakes the operator at that time, so it has to look by itself.
func (s *snapshot) burnsFor() (least time.Duration, burning bool) {
	for _, p := range s.pods {
		since, runs := serverRuns(p)
		if !runs || s.burnedIn(p) {
			continue
		}
		if left := since.Add(s.burnIn).Sub(s.now); !burning || left < least {
			least, burning = left, true
		}
	}
	return least, burning
}
