// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
)

var _ engine.Adopter = Engine{}

// Adoptable reads how a server was started by hand. It takes the flags by which it is
// a member of a set of this name, at our port and on our folder, and lets everybody
// in; any other is in the way, also one that could be written in spec.config: that it
// means the same there is for the user to see to.
//
// It does not look at what a server was told later, and keeps on its volume.
func (Engine) Adoptable(d *v1alpha1.Datastore, server corev1.Container) []string {
	words := append(append([]string{}, server.Command...), server.Args...)
	if len(words) > 0 && words[0] == "docker-entrypoint.sh" {
		words = words[1:]
	}
	if len(words) > 0 && words[0] == "mongod" {
		words = words[1:]
	} else if len(words) == 0 || !strings.HasPrefix(words[0], "-") {
		return []string{fmt.Sprintf("its servers are started with %q: start mongod itself, with its flags", strings.Join(words, " "))}
	}
	var out []string
	set := false
	for len(words) > 0 {
		var flag, value string
		flag, value, words = nextFlag(words)
		out = append(out, flagAmiss(d, flag, value)...)
		set = set || flag == "replSet"
	}
	if !set {
		out = append(out, "its servers are started without --replSet, so that they are no set: a single server cannot be adopted")
	}
	return out
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
	case flag == "auth" || flag == "keyFile" || flag == "transitionToAuth" || flag == "clusterAuthMode":
		return []string{fmt.Sprintf("its servers are started with --%s: a set with authentication cannot be adopted yet", flag)}
	}
	return []string{fmt.Sprintf("its servers are started with --%s, which is not understood here: do without it, and put the setting that it stands for into spec.config", flag)}
}
