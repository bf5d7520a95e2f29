// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package adoption

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// hooks names what the containers have done to them when they start or end; empty where
// nothing is. One that runs when a pod ends may take its member out of the set, and an
// adoption ends each pod once.
func hooks(all []corev1.Container) string {
	var out []string
	for _, c := range all {
		l := c.Lifecycle
		if l == nil {
			continue
		}
		if l.PreStop != nil {
			out = append(out, fmt.Sprintf("a preStop hook (%s)", handler(*l.PreStop)))
		}
		if l.PostStart != nil {
			out = append(out, fmt.Sprintf("a postStart hook (%s)", handler(*l.PostStart)))
		}
		if l.StopSignal != nil {
			out = append(out, fmt.Sprintf("a signal of their own to end by (%s)", *l.StopSignal))
		}
	}
	return strings.Join(out, " and ")
}

// mostOfHook bounds what is told of a command, in characters.
const mostOfHook = 100

func handler(h corev1.LifecycleHandler) string {
	switch {
	case h.Exec != nil:
		words := []rune(strings.Join(h.Exec.Command, " "))
		if len(words) > mostOfHook {
			words = append(words[:mostOfHook], '…')
		}
		return string(words)
	case h.HTTPGet != nil:
		return "a request for " + h.HTTPGet.Path
	case h.Sleep != nil:
		return fmt.Sprintf("a sleep of %d s", h.Sleep.Seconds)
	}
	return "a connection"
}

// hooksOfTemplate looks at the pods that the StatefulSet would make.
func (f Found) hooksOfTemplate() []string {
	have := hooks(f.StatefulSet.Spec.Template.Spec.Containers)
	if have == "" {
		return nil
	}
	return []string{fmt.Sprintf("its pods have %s, which ours would not have, and which may take a member out of the set when its pod is replaced: "+
		"do without it in the StatefulSet, and have all pods made anew without it before they are adopted, as you would for any other change of it", have)}
}

// hooksOfPod looks at one that runs: it keeps the hook that it was made with, also where
// the StatefulSet has none by now and leaves its pods as they are (OnDelete).
func hooksOfPod(p *corev1.Pod) string {
	have := hooks(p.Spec.Containers)
	if have == "" {
		return ""
	}
	return fmt.Sprintf("has %s, which would run when it is replaced: once the StatefulSet has none, have this pod made anew without it, "+
		"as you would for any other change, and see its member back in the set", have)
}
