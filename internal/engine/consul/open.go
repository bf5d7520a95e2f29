// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consul

import (
	"encoding/json"

	"github.com/quorate/quorate/api/v1alpha1"
)

// A set that was made by hand may have neither access control nor a key of gossip,
// and keeps it so, since a server with either does not get on with one without. Whether
// a set is such a one is in spec.adopt, which never changes; init and agent, who do not
// see that, read it in the file that all members share. No other set is ever open: the
// setting acl.enabled is the operator's.

// letsAllIn tells whether whoever reaches the servers may do all.
func letsAllIn(d *v1alpha1.Datastore) bool {
	return d.Spec.Adopt != nil && d.Spec.Adopt.Authentication == v1alpha1.AuthenticationNone
}

// Open tells whether the file that all members share is that of such a set. One that
// cannot be read is not: what is asked of its server without a token is refused then.
func Open(serverFile []byte) bool {
	var file struct {
		ACL struct {
			Enabled *bool `json:"enabled"`
		} `json:"acl"`
	}
	return json.Unmarshal(serverFile, &file) == nil && file.ACL.Enabled != nil && !*file.ACL.Enabled
}
