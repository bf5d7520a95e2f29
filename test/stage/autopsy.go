// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"context"
	"fmt"
	"runtime/pprof"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
)

// autopsy adds to the report of a spec that failed what the scene looks like,
// and where the passes of its operators are: what comes too late in one run of a
// hundred cannot be looked at again.
func (s *Scene) autopsy(ctx context.Context) {
	if !CurrentSpecReport().Failed() {
		return
	}
	var b strings.Builder
	var datastores v1alpha1.DatastoreList
	if err := API.List(ctx, &datastores, client.InNamespace(s.Namespace)); err != nil {
		fmt.Fprintln(&b, err)
	}
	for _, d := range datastores.Items {
		b.WriteString(StatusText(&d))
	}
	var pods corev1.PodList
	if err := API.List(ctx, &pods, client.InNamespace(s.Namespace)); err != nil {
		fmt.Fprintln(&b, err)
	}
	for _, p := range pods.Items {
		fmt.Fprintf(&b, "pod %s %s of %s on %q at %q: %s, deleted %v\n", p.Name, p.UID, p.CreationTimestamp.UTC().Format("15:04:05"), p.Spec.NodeName, p.Status.PodIP, p.Status.Phase, p.DeletionTimestamp)
		for _, c := range p.Status.Conditions {
			fmt.Fprintf(&b, "  %s=%s %s %s\n", c.Type, c.Status, c.Reason, c.Message)
		}
	}
	AddReportEntry("Scene "+s.Namespace, b.String())
	AddReportEntry("Passes under way", passes())
}

// passes are the stacks of the goroutines that reconcile.
func passes() string {
	var all strings.Builder
	if err := pprof.Lookup("goroutine").WriteTo(&all, 2); err != nil {
		return err.Error()
	}
	var out []string
	for stack := range strings.SplitSeq(all.String(), "\n\n") {
		if strings.Contains(stack, "internal/controller.(*") {
			out = append(out, stack)
		}
	}
	return strings.Join(out, "\n\n")
}
