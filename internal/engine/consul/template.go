// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consul

import (
	_ "embed"
	"encoding/json"
	"fmt"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/catalogue"
)

// The places of the public image.
const (
	dataDir   = "/consul/data"
	configDir = "/consul/config"
)

// graceSeconds is more than the 20 s that a leader takes to stop when another
// member has just vanished, and a handover of the leadership before it.
const graceSeconds = 60

//go:embed settings.txt
var settingsText string

var settings = catalogue.Parse(settingsText)

// object is one level of a configuration file.
type object = catalogue.Object

// Template is the server's container and the settings that all members share.
//
// Nothing in it depends on the number of members: a change of replicas changes
// no template. What may form a cluster is not in it; see FormContent.
func (Engine) Template(d *v1alpha1.Datastore) engine.ServerTemplate {
	fixed, live := split("", serverSettings(d))
	return engine.ServerTemplate{
		Image:        "hashicorp/consul:" + d.Spec.Version,
		Command:      []string{"/bin/consul"},
		Args:         []string{"agent", "-config-dir=" + configDir},
		Ports:        ports(),
		DataDir:      dataDir,
		ConfigDir:    configDir,
		Files:        map[string]string{ServerFile: string(encode(fixed))},
		Reloadable:   map[string]string{ReloadFile: string(marked(live))},
		GraceSeconds: graceSeconds,
		Scratch:      []string{"/tmp"}, // a restored snapshot is spooled there
	}
}

// serverSettings merges the user's settings into the defaults. Settings that
// Validate refuses are not looked at again here.
func serverSettings(d *v1alpha1.Datastore) object {
	settings := d.ConsulSettings()
	base := object{
		"server":     true,
		"datacenter": settings.Datacenter,
		"data_dir":   dataDir,
		"ports": object{
			"server": PortServer, "serf_lan": PortSerf, "http": PortHTTP, "grpc": portGRPC, "dns": portDNS,
			"serf_wan": -1, "grpc_tls": -1, "https": -1,
		},
		// A stopped server is a member that is away, for as long as it takes.
		"leave_on_terminate":      false,
		"skip_leave_on_interrupt": true,
		"rejoin_after_leave":      false,
		"server_rejoin_age_max":   "87600h",
		"retry_interval":          "1s",
		// Consul reads this at the very first election; Configure keeps the first so.
		// A joiner that autopilot looked at twice and found caught up gets its vote:
		// the guards let nobody join but where all the others are healthy voters, so
		// that one that fails after all costs no quorum.
		"autopilot": object{"cleanup_dead_servers": false, "server_stabilization_time": "3s"},
		// A server that leaves refuses requests while it lingers, when it has been out
		// for three seconds and clients use others.
		"performance": object{"raft_multiplier": 1, "leave_drain_time": "100ms"},
		"acl":         object{"enabled": true, "default_policy": "deny", "enable_token_persistence": true},
		"ui_config":   object{"enabled": *settings.UI.Enabled},
		"telemetry":   object{"prometheus_retention_time": "1h", "disable_hostname": true},
		// Peering needs the TLS port.
		"peering":              object{"enabled": false},
		"disable_update_check": true,
		"log_level":            "INFO",
	}
	if letsAllIn(d) {
		base["acl"] = object{"enabled": false}
	}
	user, err := catalogue.UserSettings(d.Spec.Config)
	if err != nil {
		return base
	}
	return catalogue.Merge(base, user)
}

// split parts the settings that a server reads when it starts from those that a
// running one takes up. Neither keeps a section that nothing of it is in.
func split(prefix string, values object) (fixed, live object) {
	fixed, live = object{}, object{}
	for key, value := range values {
		section, isObject := value.(object)
		switch path := prefix + key; {
		case settings.Known[path].Reload:
			live[key] = value
		case isObject && settings.Sections[path]:
			below, above := split(path+".", section)
			if len(below) > 0 {
				fixed[key] = below
			}
			if len(above) > 0 {
				live[key] = above
			}
		default:
			fixed[key] = value
		}
	}
	return fixed, live
}

// encode writes a configuration file; equal settings give equal bytes.
func encode(settings object) []byte {
	out, err := json.MarshalIndent(settings, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("a decoded configuration cannot be encoded: %v", err))
	}
	return append(out, '\n')
}

// FormContent is what FormFile says to a server that may form a set with as many
// others as make the size.
func FormContent(size int32) []byte { return encode(object{"bootstrap_expect": size}) }
