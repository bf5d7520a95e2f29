// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

import "github.com/quorate/quorate/api/v1alpha1"

// Account is one that clients log in to a server by, which the operator keeps for
// the user.
type Account struct {
	// Name tells it from the others of a datastore; it is also part of the name of
	// its Secret.
	Name string `json:"name"`
	// Params are in the engine's words: all that it is but for its password.
	Params map[string]string `json:"params,omitempty"`
	// Password is where the user has its password; nil where one is made.
	Password *v1alpha1.SecretKeyReference `json:"-"`
}

// AccountChange is what a StepAccounts brings about: that the server has these
// accounts, and none else of those that the operator has made. The passwords
// travel in the step's Credentials, see AccountKey. An account without one is left
// with the password that it has, and is not made.
type AccountChange struct {
	// Revision names the accounts with their passwords.
	Revision string    `json:"revision"`
	Accounts []Account `json:"accounts,omitempty"`
}

// AccountState is what the agent of the member that leads last saw the server have
// of the accounts.
type AccountState struct {
	// Revision is that of the change that was brought about.
	Revision string `json:"revision"`
	// Refused says, by account, what the server would not have and why; bounded.
	Refused map[string]string `json:"refused,omitempty"`
	// Again is true once it is time to try again what was refused.
	Again bool `json:"again,omitempty"`
}

// AccountKey is the key of the credentials under which an account's password
// travels. No credential of an engine has a slash in its name.
func AccountKey(name string) string { return "account/" + name }

// AccountKeeper is implemented by engines whose servers have accounts that the
// operator can keep. All of it is pure. An engine never touches one that the
// operator has not made.
type AccountKeeper interface {
	// Accounts are those that the specification asks for, in a fixed order.
	Accounts(d *v1alpha1.Datastore) []Account
	// AccountStep returns who brings a change about, and what else it needs; false
	// where nobody can be asked. The core fills in Kind, Accounts and the passwords.
	AccountStep(have Observation) (Step, bool)
	// AccountConnection is what a client needs that logs in as one.
	AccountConnection(d *v1alpha1.Datastore, host string, a Account, password string) Connection
}
