// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"fmt"
	"strings"
)

// What the two halves of this engine say to each other: the one here, which
// decides, and the one in package mongod, beside a server, which carries out. Some
// of it is on volumes and in Secrets, and stays as it is for their sake.

// The keys of the credentials in a datastore's Secrets.
const (
	CredentialKeyFile = "keyfile"
	CredentialAgent   = "agent-password"
	CredentialAdmin   = "admin-password"
)

// The users that are made at the formation, in the database AdminDatabase. In a set that
// was adopted the administrator is UserAdopter, since it may have one of its own.
const (
	UserAdmin   = "admin"
	UserAdopter = "quorate-admin"
	UserAgent   = "quorate-agent"
)

// AdminDatabase is where commands are run and users are.
const AdminDatabase = "admin"

// Port is MongoDB's own default.
const Port = 27017

// ServerFile is shared by all members; the user's settings are in it.
const ServerFile = "mongod.conf"

// Files that the renderer writes for one member.
const (
	KeyFile  = "keyfile" // the members' common secret
	HostFile = "host"    // the member's own name in DNS; read by the agent alone
)

// AdminFile has the administrator's name where that is not UserAdmin; the agent reads it.
const AdminFile = "administrator"

// RecoveryFile is the word on the volume that a recovery was agreed to.
const RecoveryFile = ".quorate-recovery"

// The parameters of steps.
const (
	// ParamPhase says which part of the formation a Bootstrap is.
	ParamPhase    = "phase"
	PhaseInitiate = "initiate"
	PhaseUsers    = "users"
	// PhaseAdopt has a set that was made by hand get the operator's own users.
	PhaseAdopt = "adopt"
	// ParamHost is the name in DNS of a member that joins.
	ParamHost = "host"
	// ParamFeatures is the feature compatibility version to set.
	ParamFeatures = "featureCompatibilityVersion"
	// ParamMembers are the numbers of the survivors of a recovery, see Numbers.
	ParamMembers = "members"
)

// The parameters of an account, see engine.Account.
const (
	// ParamDatabase is where the user is kept.
	ParamDatabase = "database"
	// ParamRoles is a list of Role in JSON.
	ParamRoles = "roles"
)

// The facts in a report.
const (
	// FactUsers is Pending while the agent's user cannot log in, and Ready once it
	// can.
	FactUsers    = "users"
	UsersPending = "Pending"
	UsersReady   = "Ready"
	// FactOpen is there where the server lets everybody in.
	FactOpen = "open"
	// FactAdministrator is there where the primary did not let the operator's
	// administrator in, or not change a password, when it was last tried: Refused for a
	// while, and then Again, until it was tried again.
	FactAdministrator    = "administrator"
	AdministratorRefused = "Refused"
	AdministratorAgain   = "Again"
	// FactHost is the name by which the configuration has to know the member.
	FactHost = "host"
	// FactFeatures is the feature compatibility version.
	FactFeatures = "featureCompatibilityVersion"
)

// What a server tells while it knows no primary; nothing of it rests otherwise.
const (
	// FactEnd is where its log of operations ends, see LogEnd.
	FactEnd = "oplog"
	// FactVoters are the numbers that have a vote, by its own configuration.
	FactVoters = "voters"
	// FactRecovery is the word that is on its volume.
	FactRecovery = "recovery"
)

// LogEnd is the last operation that a server has: by term, and then by time.
type LogEnd struct{ Term, Second, Count uint64 }

// String writes it as TERM/SECOND/COUNT.
func (e LogEnd) String() string { return fmt.Sprintf("%d/%d/%d", e.Term, e.Second, e.Count) }

// Numbers reads a list of members' numbers, which are separated by commas.
func Numbers(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
}
