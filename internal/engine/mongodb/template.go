// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	_ "embed"
	"fmt"
	"strconv"

	"sigs.k8s.io/yaml"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/catalogue"
)

//go:embed settings.txt
var settingsText string

var settings = catalogue.Parse(settingsText)

// object is one level of the configuration file.
type object = catalogue.Object

// The places of the public image, and the files that are rendered there.
const (
	dataDir   = "/data/db"
	configDir = "/etc/mongodb"
)

// graceSeconds is more than the handover, the 15 s that a server goes on
// answering before it stops, and its last checkpoint.
const graceSeconds = 90

// Template is the server's container and the settings that all members share.
// Nothing in it depends on the number of members, and nothing can form a set.
func (Engine) Template(d *v1alpha1.Datastore) engine.ServerTemplate {
	return engine.ServerTemplate{
		Image:        "mongo:" + d.Spec.Version,
		Command:      []string{"mongod"},
		Args:         []string{"--config", configDir + "/" + ServerFile},
		Ports:        ports(),
		DataDir:      dataDir,
		ConfigDir:    configDir,
		Files:        files(d),
		GraceSeconds: graceSeconds,
		Scratch:      []string{"/tmp"}, // the server's unix socket
	}
}

// files are what all members share. The agent is told who administers the set where that
// is not known from the start.
func files(d *v1alpha1.Datastore) map[string]string {
	out := map[string]string{ServerFile: encode(serverSettings(d))}
	if name := administrator(d); name != UserAdmin {
		out[AdminFile] = name
	}
	return out
}

// serverSettings merges the user's settings into the defaults. Settings that
// Validate refuses are not looked at again here.
func serverSettings(d *v1alpha1.Datastore) object {
	base := object{
		"storage":     object{"dbPath": dataDir},
		"net":         object{"port": Port, "bindIpAll": true},
		"replication": object{"replSetName": setName(d)},
		"security":    object{"authorization": "enabled", "keyFile": configDir + "/" + KeyFile},
	}
	if letsAllIn(d) {
		delete(base, "security")
	}
	user, err := catalogue.UserSettings(d.Spec.Config)
	if err != nil {
		return base
	}
	return catalogue.Merge(base, user)
}

// encode writes a configuration file; equal settings give equal texts.
func encode(settings object) string {
	out, err := yaml.Marshal(settings)
	if err != nil {
		panic(fmt.Sprintf("a decoded configuration cannot be encoded: %v", err))
	}
	return string(out)
}

func text(number float64) string { return strconv.FormatFloat(number, 'f', -1, 64) }
