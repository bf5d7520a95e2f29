// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/quorate/quorate/api/v1alpha1"
)

// Formation says how a set comes into being from empty volumes.
type Formation string

const (
	// FormTogether has every founding member started with the number of
	// founders; they elect when all have met (Consul).
	FormTogether Formation = "Together"
	// FormFirst has member zero form a set of one, which the others join
	// (MongoDB, Cassandra).
	FormFirst Formation = "First"
)

// Traits are the constants of an engine that the core plans by.
type Traits struct {
	// Formation is how a set comes into being.
	Formation Formation
	// StableAddress gives each member a Service with a ClusterIP of its own,
	// which it advertises, since its peers know it by address.
	StableAddress bool
	// StartIsJoin is true where starting a server on an empty volume joins it
	// to the set, so that the grant is the membership change; otherwise a Join
	// step follows the start (law 4).
	StartIsJoin bool
	// VoteFollows is true where a server that joins is a member without a vote at
	// first, counts for nothing as long as it is, and gets its vote once it has caught
	// up, from the server that leads or by a Promote; so that the next one may join
	// meanwhile.
	VoteFollows bool
	// LeaveMovesData is true where a member that leaves first gives away what it has,
	// which may take long, and may be the only one that has it. It goes on as the
	// member that it is until the others have let it go: whatever ends its server
	// before that, it is started again, and asked again to leave. Otherwise a member
	// that was told to leave never starts again on its data.
	LeaveMovesData bool
	// Quorum returns how many of n voters must be healthy for service.
	Quorum func(n int) int
	// Votes returns how many of n members shall have a vote; nil where all shall.
	Votes func(n int) int
	// MaxReplicas is the largest size that the engine supports.
	MaxReplicas int32
	// User and Group are the numeric ids of the server's process, those of the
	// engine's public image.
	User, Group int64
	// Credentials are the names of the random secrets that the engine needs,
	// made once before the formation.
	Credentials []Credential
}

// Majority is the quorum of engines that vote.
func Majority(n int) int { return n/2 + 1 }

// CredentialFormat says how a random credential is written.
type CredentialFormat string

const (
	// CredentialUUID is a random UUID (version 4).
	CredentialUUID CredentialFormat = "UUID"
	// CredentialBase64 is 32 random bytes in standard base64.
	CredentialBase64 CredentialFormat = "Base64"
	// CredentialLongBase64 is 756 random bytes in standard base64.
	CredentialLongBase64 CredentialFormat = "LongBase64"
)

// Credential is a secret value of a datastore, made once and never remade
// because it is missing (law 7).
type Credential struct {
	// Key is its key in the Secret.
	Key string
	// Format says how it is written.
	Format CredentialFormat
	// Mounted is true for what members read from the start; the others travel
	// in one action only.
	Mounted bool
	// Rotates is the name by which the user asks for the credential to be rotated
	// while the set runs; empty where it cannot be. Unless Login is set it is a key
	// that all servers share, of which each can have several, and at most one of an
	// engine is such a one. The engine is a KeyRotator, but for a key with Restarts.
	Rotates string
	// Restarts is true where a server reads the key when it starts, from what the
	// renderer made of the Secret, and not again. Two servers that have a key in
	// common understand each other, whichever it is. The local half reports in
	// Server.Keys what its server has read.
	Restarts bool
	// Login is true for a password by which the agents log in to their servers, or
	// where it is not Mounted whoever leads does for the operator. A server knows one
	// at a time, so that who logs in tries the one that is to come and the one that is
	// there. The local half reports in Server.Logins which was good.
	Login bool
}

// NextKey is the key in the Secret of the credential that is to take the place of
// another one, while it is beside it.
func NextKey(key string) string { return key + "-next" }

// FormerKey is that of the credential which another one has taken the place of,
// while members may still use it.
func FormerKey(key string) string { return key + "-former" }

// Rotatable are the credentials that can be rotated while the set runs.
func (t Traits) Rotatable() []Credential {
	return slices.DeleteFunc(slices.Clone(t.Credentials), func(c Credential) bool { return c.Rotates == "" })
}

// SharedKey returns the key that all servers share and that can be rotated, if the
// engine has one.
func (t Traits) SharedKey() (Credential, bool) {
	for _, c := range t.Rotatable() {
		if !c.Login {
			return c, true
		}
	}
	return Credential{}, false
}

// Port is one port of the server.
type Port struct {
	Name     string
	Number   int32
	Protocol corev1.Protocol
	// Client ports are on the client Service; Peer ports on the members' own.
	Client, Peer bool
}

// ServerTemplate is the server's container and the files all members share.
type ServerTemplate struct {
	// Image is the default for engine and version.
	Image string
	// Command and Args start the server in the foreground, without a shell.
	Command, Args []string
	// Env is set before the user's own.
	Env []corev1.EnvVar
	// Ports of the server.
	Ports []Port
	// DataDir is where the claim is mounted.
	DataDir string
	// ConfigDir is where the rendered files are mounted, read-only for the server.
	ConfigDir string
	// Files are the shared configuration by file name; never a secret. A server
	// has to be restarted to take up a change of them.
	Files map[string]string
	// Reloadable are shared files, by name, that a running server takes up with
	// the step Reload; no name is also in Files. They are not part of what a
	// pod has to be replaced for. The local half reports the hash of those that
	// the process has in Server.Settings, see SettingsHash.
	Reloadable map[string]string
	// GraceSeconds is the pod's terminationGracePeriodSeconds.
	GraceSeconds int64
	// Scratch are directories that the server writes besides its data; each
	// becomes an emptyDir, since the root file system is read-only.
	Scratch []string
}

// Connection is what a client needs, in Service Binding's words.
type Connection struct {
	Type, Host, Port, Username, Password, URI string
	// Extra holds keys of this engine alone (for instance token).
	Extra map[string]string
}

// Connector is implemented by engines whose clients need more than an address.
type Connector interface {
	// Connection describes the client Service host with the credentials of the
	// datastore.
	Connection(d *v1alpha1.Datastore, host string, credentials map[string][]byte) Connection
}

// Upgrader is implemented by engines that do not take every version after
// every other one.
type Upgrader interface {
	// Upgrade returns why a server that runs cannot be followed by one of the
	// wanted version on the same volume, or nil. It is asked for every server
	// that says its version, so that a change of mind in the middle of a rollout
	// is judged by what there is and not by what was wanted.
	Upgrade(running Server, wanted string) error
}

// WebUI is implemented by engines whose server brings a user interface that
// may be published through an Ingress.
type WebUI interface {
	// UIPort returns the name of the client port that serves it.
	UIPort() string
	// UIIngress returns the Ingress that the specification asks for, or nil.
	UIIngress(d *v1alpha1.Datastore) *v1alpha1.Ingress
}
