// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package settings is what the pod template tells init, agent and the small
// commands in the server's container: environment and paths.
package settings

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/quorate/quorate/api/v1alpha1"
)

// Names of the environment that the pod template sets for init and agent.
const (
	EnvEngine       = "QUORATE_ENGINE"
	EnvDatastore    = "QUORATE_DATASTORE"
	EnvClusterID    = "QUORATE_CLUSTER_ID"
	EnvDataDir      = "QUORATE_DATA_DIR"
	EnvConfigDir    = "QUORATE_CONFIG_DIR"
	EnvPodName      = "POD_NAME"
	EnvPodNamespace = "POD_NAMESPACE"
	EnvPodUID       = "POD_UID"
	EnvPodIP        = "POD_IP"
	// EnvHost is there only where the engine has no stable addresses.
	EnvHost = "QUORATE_HOST"
	// EnvRack is there only where the members are in racks.
	EnvRack = "QUORATE_RACK"
	// EnvAdopts is there only where the set may have been made by hand.
	EnvAdopts = "QUORATE_ADOPTS"
)

// Paths that the pod template mounts, the same in every container that has them.
const (
	// RunDir is shared by init, agent and server; read-only for the server.
	RunDir = "/run/quorate"
	// SecretDir holds the member pair and the engine's mounted credentials.
	SecretDir = "/etc/quorate/member"
	// SharedDir holds the shared files and the addresses of all members.
	SharedDir = "/etc/quorate/shared"
)

// Names inside RunDir.
const (
	// BinaryName is the copy of the program for the server's container.
	BinaryName = "quorate"
	// SocketName is where the agent listens for preStop.
	SocketName = "agent.sock"
	// RefusalName is the note that init leaves about a volume which it refused.
	RefusalName = "refused"
)

// Names inside SharedDir.
const (
	// FilePrefix stands before the name of each shared file.
	FilePrefix = "file."
	// AddressesName holds a JSON object of stable addresses by member name.
	AddressesName = "addresses.json"
)

// Names inside SecretDir that are the agent's own, not the engine's.
const (
	AuthorityName   = "ca.crt"
	CertificateName = "tls.crt"
	KeyName         = "tls.key"
)

// Settings of one pod.
type Settings struct {
	Engine    v1alpha1.Engine
	Datastore string
	ClusterID string
	// Member is the pod's name.
	Member    string
	Namespace string
	PodUID    string
	PodIP     string
	// Host is the pod's name in DNS; empty where the engine has stable addresses.
	Host string
	// Rack is the member's; empty where there are none.
	Rack string
	// Adopts is true where data without a marker may be the member's own.
	Adopts bool

	DataDir, ConfigDir, RunDir, SecretDir, SharedDir string
}

// FromEnv reads the settings through lookup, which has the form of
// os.LookupEnv. It names everything that is missing at once.
func FromEnv(lookup func(string) (string, bool)) (Settings, error) {
	var missing []string
	get := func(name string) string {
		value, _ := lookup(name)
		if value == "" {
			missing = append(missing, name)
		}
		return value
	}
	s := Settings{
		Engine:    v1alpha1.Engine(get(EnvEngine)),
		Datastore: get(EnvDatastore),
		ClusterID: get(EnvClusterID),
		DataDir:   get(EnvDataDir),
		ConfigDir: get(EnvConfigDir),
		Member:    get(EnvPodName),
		Namespace: get(EnvPodNamespace),
		PodUID:    get(EnvPodUID),
		PodIP:     get(EnvPodIP),
		Host:      optional(lookup, EnvHost),
		Rack:      optional(lookup, EnvRack),
		Adopts:    optional(lookup, EnvAdopts) != "",
		RunDir:    RunDir,
		SecretDir: SecretDir,
		SharedDir: SharedDir,
	}
	if len(missing) > 0 {
		return Settings{}, fmt.Errorf("the pod template does not set %s", strings.Join(missing, ", "))
	}
	return s, nil
}

func optional(lookup func(string) (string, bool), name string) string {
	value, _ := lookup(name)
	return value
}

// Ordinal returns the number which ends the name of the member's pod.
func (s Settings) Ordinal() (int, error) {
	i := strings.LastIndex(s.Member, "-")
	n, err := strconv.Atoi(s.Member[i+1:])
	if i < 1 || err != nil || n < 0 {
		return 0, fmt.Errorf("the pod's name %q does not end in an ordinal", s.Member)
	}
	return n, nil
}
