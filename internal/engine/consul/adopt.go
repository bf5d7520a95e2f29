// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consul

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/catalogue"
)

var _ engine.FileAdopter = Engine{}

// Adoptable is AdoptableWith for servers that are given no files.
func (e Engine) Adoptable(d *v1alpha1.Datastore, server corev1.Container) []string {
	return e.AdoptableWith(d, server, engine.MountedFiles{})
}

// AdoptableWith reads how a server was started by hand: its flags, and the JSON files of
// the folders that these name. It takes
//
//   - what makes it a server of this datacenter, on our data folder, at Consul's own
//     ports, and how it finds the others: ours is told in other ways;
//   - what spec.config has too, with the same value.
//
// What is mounted where the servers read files and is not known is in the way, and so is
// anything else, also a default that is written out; access control,
// encryption and TLS among it, since a set that has any of these cannot be adopted yet.
//
// It does not look at what was changed through the servers' interface, and stays in
// Raft: autopilot's settings, of which the operator's own follow once all are taken over.
func (Engine) AdoptableWith(d *v1alpha1.Datastore, server corev1.Container, files engine.MountedFiles) []string {
	words, why := agentWords(server)
	if why != "" {
		return []string{why}
	}
	h := &handmade{d: d, files: files, settings: object{}}
	h.read(words)
	return append(h.amiss, h.judge()...)
}

// agentWords are the flags of the agent. The image's entrypoint adds two of its own.
func agentWords(server corev1.Container) (flags []string, why string) {
	words := append(append([]string{}, server.Command...), server.Args...)
	entrypoint := byEntrypoint(server)
	if entrypoint && len(server.Command) > 0 {
		words = words[1:]
	}
	own := len(words) > 0 && path.Base(words[0]) == "consul"
	if own {
		words = words[1:]
	}
	if len(words) == 0 || words[0] != "agent" || !own && !entrypoint {
		return nil, fmt.Sprintf("its servers are started with %q: start consul agent itself, with its flags", strings.Join(words, " "))
	}
	if entrypoint {
		return append([]string{"-data-dir=" + dataDir, "-config-dir=" + configDir}, words[1:]...), ""
	}
	return words[1:], ""
}

// byEntrypoint tells whether the servers are started by that of the image.
func byEntrypoint(server corev1.Container) bool {
	return len(server.Command) == 0 || path.Base(server.Command[0]) == "docker-entrypoint.sh"
}

// flagSettings are the settings that flags stand for; the kind is that of the value.
var flagSettings = map[string]string{
	"advertise": "advertise_addr", "bind": "bind_addr", "bootstrap": "bootstrap", "bootstrap-expect": "bootstrap_expect",
	"client": "client_addr", "data-dir": "data_dir", "datacenter": "datacenter", "domain": "domain", "log-level": "log_level",
	"node": "node_name", "rejoin": "rejoin_after_leave", "retry-interval": "retry_interval", "retry-join": "retry_join",
	"retry-max": "retry_max", "server": "server", "ui": "ui", "raft-protocol": "raft_protocol",
}

// switches are the flags that take no word of their own.
var switches = []string{"bootstrap", "rejoin", "server", "ui"}

// handmade gathers what one server was told.
type handmade struct {
	d        *v1alpha1.Datastore
	files    engine.MountedFiles
	settings object
	amiss    []string
}

func (h *handmade) notes(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(h.amiss, text) {
		h.amiss = append(h.amiss, text)
	}
}

func (h *handmade) read(words []string) {
	for len(words) > 0 {
		word, value, given := strings.Cut(words[0], "=")
		flag, dashed := strings.TrimLeft(word, "-"), strings.HasPrefix(word, "-")
		words = words[1:]
		isSwitch := slices.Contains(switches, flag)
		if !given && !isSwitch && len(words) > 0 && !strings.HasPrefix(words[0], "-") {
			value, words = words[0], words[1:]
		}
		setting, known := flagSettings[flag]
		switch {
		case dashed && (flag == "config-dir" || flag == "config-file"):
			h.readFiles(flag, value)
		case !dashed || !known:
			h.notes("its servers are started with %s, which is not understood here: do without it, and put the setting that it stands for into spec.config", word)
		case isSwitch:
			h.settings[setting] = value != "false"
		default:
			h.settings[setting] = value
		}
	}
}

// readFiles takes what is under a path. The folder of the image is there in any case,
// and empty where nothing is mounted.
func (h *handmade) readFiles(flag, at string) {
	found := h.unread(at)
	for _, name := range slices.Sorted(maps.Keys(h.files.Read)) {
		if name != at && path.Dir(name) != path.Clean(at) {
			continue
		}
		found = true
		if flag == "config-dir" && !strings.HasSuffix(name, ".json") && !strings.HasSuffix(name, ".hcl") {
			continue // as Consul does
		}
		values, err := catalogue.Decode([]byte(h.files.Read[name]))
		if err != nil {
			h.notes("the file %s that its servers read is no object in JSON, which alone is understood here: write it as JSON", name)
			continue
		}
		maps.Copy(h.settings, values)
	}
	if !found && at != configDir {
		h.notes("its servers read %s, of which nothing is seen in a ConfigMap that the pods mount: mount one there, or use flags", at)
	}
}

// unread tells whether something is mounted where the servers read files and is not
// known. A mount above counts: it may have the folder in it.
func (h *handmade) unread(at string) (found bool) {
	at = path.Clean(at)
	for _, mount := range h.files.Unread {
		if m := path.Clean(mount); m == at || within(m, at) || within(at, m) {
			found = true
			h.notes("its servers read %s, and what is mounted at %s was not read here: a ConfigMap with text alone, without items and without a subPathExpr is, once the owner has agreed; mount such a one there, or nothing", at, mount)
		}
	}
	return found
}

// within tells whether a path is under a folder.
func within(at, folder string) bool {
	return strings.HasPrefix(at, strings.TrimSuffix(folder, "/")+"/")
}

// others are the settings by which a server finds the others and is found, which ours is
// told in other ways, and those that count at the first start only.
var others = []string{
	"advertise_addr", "bind_addr", "bootstrap", "bootstrap_expect", "client_addr", "node_name", "rejoin_after_leave",
	"retry_interval", "retry_interval_wan", "retry_join", "retry_max", "start_join", "ui", "ui_config", "disable_update_check", "log_level",
	"skip_leave_on_interrupt",
}

// secured are the settings of a set that does not let everybody in.
var secured = []string{"acl", "acl_datacenter", "acl_token", "acl_master_token", "acl_default_policy", "auto_encrypt", "auto_config", "ca_file", "ca_path", "cert_file", "key_file",
	"encrypt", "encrypt_verify_incoming", "encrypt_verify_outgoing", "tls", "verify_incoming", "verify_incoming_rpc", "verify_outgoing", "verify_server_hostname"}

// judge says what of the settings is in the way.
func (h *handmade) judge() (out []string) {
	spec, err := catalogue.UserSettings(h.d.Spec.Config)
	if err != nil {
		spec = object{}
	}
	if h.settings["server"] != true {
		out = append(out, "its agents are not started as servers: only a set of servers can be adopted")
	}
	if h.settings["datacenter"] == nil {
		h.settings["datacenter"] = "dc1" // which is Consul's own
	}
	if h.settings["domain"] == nil && spec["domain"] != nil {
		out = append(out, "its servers are started without the setting domain: leave it out of spec.config until they are adopted")
	}
	for _, key := range slices.Sorted(maps.Keys(h.settings)) {
		if why := h.judgeOne(key, h.settings[key], spec[key]); why != "" {
			out = append(out, why)
		}
	}
	return out
}

func (h *handmade) judgeOne(key string, value, ours any) string {
	wanted := map[string]any{
		"server": true, "data_dir": dataDir, "datacenter": h.d.ConsulSettings().Datacenter, "leave_on_terminate": false, "raft_protocol": 3, "protocol": 2,
	}
	want, fixed := wanted[key]
	switch {
	case slices.Contains(secured, key):
		return fmt.Sprintf("its servers have the setting %s: a set with access control, encryption or TLS cannot be adopted yet", key)
	case key == "datacenter" && !same(value, want):
		return fmt.Sprintf("its servers are of the datacenter %v: set spec.consul.datacenter to that", value)
	case key == "leave_on_terminate" && !same(value, want):
		return "its servers have the setting leave_on_terminate, so that each would leave the set when its pod is replaced: set it to false"
	case fixed && !same(value, want):
		return fmt.Sprintf("its servers have the setting %s: %v, and ours would have %v", key, value, want)
	case fixed, slices.Contains(others, key), key == "ports" && ownPorts(value), same(value, ours):
		return ""
	}
	return fmt.Sprintf("its servers have the setting %s, and spec.config has not, or another value: put it there, or do without it", key)
}

// portSerfWAN is that of gossip between datacenters, which ours do without.
const portSerfWAN = 8302

// ownPorts tells whether all ports are those that ours have, or Consul's own of services
// that ours do without.
func ownPorts(value any) bool {
	all, isObject := value.(object)
	for name, port := range all {
		own := map[string]int{"server": PortServer, "serf_lan": PortSerf, "serf_wan": portSerfWAN, "http": PortHTTP, "grpc": portGRPC, "dns": portDNS, "grpc_tls": 8503}[name]
		if !same(port, own) && !same(port, -1) {
			return false
		}
	}
	return isObject
}

// same compares values as they are written; a flag's is a text whatever it stands for.
func same(a, b any) bool {
	return bytes.Equal(unquoted(a), unquoted(b))
}

func unquoted(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return bytes.Trim(text, `"`)
}
