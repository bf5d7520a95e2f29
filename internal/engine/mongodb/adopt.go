// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
)

var _ engine.Adopter = Engine{}

// Adoptable reads how a server was started by hand. It takes the flags by which it is
// a member of a set of this name, at our port and on our folder, and lets in whom
// spec.adopt says; any other is in the way, also one that could be written in
// spec.config: that it means the same there is for the user to see to.
//
// It does not look at what a server was told later, and keeps on its volume.
func (Engine) Adoptable(d *v1alpha1.Datastore, server corev1.Container) []string {
	words, ok := flagsOf(server)
	if !ok {
		return []string{fmt.Sprintf("its servers are started with %q: start mongod itself, with its flags", strings.Join(words, " "))}
	}
	var out []string
	given := map[string]bool{}
	for len(words) > 0 {
		var flag, value string
		flag, value, words = nextFlag(words)
		out = append(out, flagAmiss(d, flag, value)...)
		given[flag] = true
	}
	if !given["replSet"] {
		out = append(out, "its servers are started without --replSet, so that they are no set: a single server cannot be adopted")
	}
	if !letsAllIn(d) && !given["keyFile"] {
		out = append(out, "its servers are started without --keyFile, and spec.adopt says that they have one: create the Datastore with spec.adopt.authentication None")
	}
	return out
}

var _ engine.Usher = Engine{}

// Usher implements engine.Usher. A primary that was made by hand has no agent that the
// kubelet's word would reach first; one that was taken over asks it to step down.
func (Engine) Usher(next string, taken []engine.MemberObservation) (engine.Step, bool) {
	for _, m := range taken {
		if seen := m.Report.Server.Seen; seen != nil && seen.LedBy(next) {
			return engine.Step{
				Kind: engine.StepStepDown, Member: m.Name, Subject: next, Term: m.Report.Server.Term,
				Why: fmt.Sprintf("%s leads, whose pod is replaced next; %s asks it to hand over first", next, m.Name),
			}, true
		}
	}
	return engine.Step{}, false
}

// flagsOf are the words after the program's name; not ok where another one is started.
func flagsOf(server corev1.Container) (words []string, ok bool) {
	words = append(append([]string{}, server.Command...), server.Args...)
	if len(words) > 0 && words[0] == "docker-entrypoint.sh" {
		words = words[1:]
	}
	if len(words) > 0 && words[0] == "mongod" {
		return words[1:], true
	}
	return words, len(words) > 0 && strings.HasPrefix(words[0], "-")
}

// nextFlag takes one flag off the words, with its value.
func nextFlag(words []string) (flag, value string, rest []string) {
	flag, rest = strings.TrimLeft(words[0], "-"), words[1:]
	if name, given, ok := strings.Cut(flag, "="); ok {
		return name, given, rest
	}
	if len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
		return flag, rest[0], rest[1:]
	}
	return flag, "", rest
}

// flagAmiss says what is in the way with a flag.
func flagAmiss(d *v1alpha1.Datastore, flag, value string) []string {
	wanted := map[string]string{"replSet": setName(d), "port": fmt.Sprint(Port), "dbpath": dataDir}
	want, known := wanted[flag]
	switch {
	case known && value == want, flag == "bind_ip_all", flag == "bind_ip":
		return nil
	case known:
		return []string{fmt.Sprintf("its servers are started with --%s %s, and ours would be with %s", flag, value, want)}
	}
	if why := accessAmiss(d, flag, value); why != "" {
		return []string{fmt.Sprintf("its servers are started with --%s: %s", strings.TrimSpace(flag+" "+value), why)}
	}
	if slices.Contains(accessFlags, flag) {
		return nil
	}
	return []string{fmt.Sprintf("its servers are started with --%s, which is not understood here: do without it, and put the setting that it stands for into spec.config", flag)}
}

// accessFlags are those that say whom a server lets in.
var accessFlags = []string{"auth", "noauth", "keyFile", "clusterAuthMode", "transitionToAuth"}

// accessAmiss says what is in the way with a flag about whom a server lets in; empty where
// nothing is.
func accessAmiss(d *v1alpha1.Datastore, flag, value string) string {
	switch {
	case strings.HasPrefix(flag, "tls") || strings.HasPrefix(flag, "ssl"):
		return "a set with TLS cannot be adopted, since ours would have none and clients and members expect it: " +
			"have the servers go through --tlsMode preferTLS and allowTLS to disabled, one rollout each, and then do without the flag"
	case flag == "clusterAuthMode" && value != "keyFile":
		return "its members know each other by certificates (x509), and ours know each other by a key file: " +
			"have the servers go through --clusterAuthMode sendX509 and sendKeyFile to keyFile, one rollout each"
	case flag == "transitionToAuth":
		return "it lets in whom it knows and whom it does not: finish the transition, one rollout without the flag"
	case flag == "noauth" && !letsAllIn(d):
		return "it lets everybody in: do without the flag"
	case (flag == "auth" || flag == "keyFile" || flag == "clusterAuthMode") && letsAllIn(d):
		return "it has authentication, and spec.adopt says that it has none: create the Datastore with spec.adopt.authentication KeyFile, and with spec.adopt.keyFile"
	}
	return ""
}
