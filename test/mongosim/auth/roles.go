// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package auth

// Role is a role on a database.
type Role struct {
	Role string `bson:"role"`
	DB   string `bson:"db"`
}

// Class is a kind of command.
type Class int

// The kinds of commands, by what is needed to run them.
const (
	// Anyone may, before a log-in too.
	Anyone Class = iota
	// LoggedIn is any user.
	LoggedIn
	// Read and Write are of documents in a database.
	Read
	Write
	// Monitor reads the state of set and server.
	Monitor
	// Manage changes them.
	Manage
	// Users is the management of users.
	Users
	// Internal is among members.
	Internal
)

// grant is what a role allows.
type grant struct {
	classes []Class
	// everywhere, not only on the role's database.
	everywhere bool
}

var grants = map[string]grant{
	"root":                 {[]Class{Read, Write, Monitor, Manage, Users}, true},
	"clusterAdmin":         {[]Class{Monitor, Manage}, true},
	"clusterManager":       {[]Class{Manage}, true},
	"hostManager":          {[]Class{Manage}, true},
	"clusterMonitor":       {[]Class{Monitor}, true},
	"read":                 {[]Class{Read}, false},
	"readWrite":            {[]Class{Read, Write}, false},
	"dbOwner":              {[]Class{Read, Write, Users}, false},
	"userAdmin":            {[]Class{Users}, false},
	"readAnyDatabase":      {[]Class{Read}, true},
	"readWriteAnyDatabase": {[]Class{Read, Write}, true},
	"userAdminAnyDatabase": {[]Class{Users}, true},
	"backup":               {[]Class{Read, Monitor}, true},
}

// KnownRole reports whether a user can be given the role. The others of the server are not known here.
func KnownRole(name string) bool { _, ok := grants[name]; return ok }

// Allowed reports whether the roles allow a kind of command on a database. Those of the whole server are the same on
// every database.
func Allowed(roles []Role, class Class, db string) bool {
	if class == LoggedIn {
		return true
	}
	for _, r := range roles {
		g := grants[r.Role]
		if !g.everywhere && r.DB != db {
			continue
		}
		for _, c := range g.classes {
			if c == class {
				return true
			}
		}
	}
	return false
}
