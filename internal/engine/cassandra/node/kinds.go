// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package node

import (
	"fmt"
	"net"

	gocql "github.com/apache/cassandra-gocql-driver/v2"
)

// uuid and address are texts that the server sends in another form; one that it has not
// is empty.
type (
	uuid    string
	address string
)

var (
	_ gocql.Unmarshaler = (*uuid)(nil)
	_ gocql.Unmarshaler = (*address)(nil)
)

// UnmarshalCQL implements gocql.Unmarshaler.
func (u *uuid) UnmarshalCQL(_ gocql.TypeInfo, data []byte) error {
	*u = ""
	if len(data) == 0 {
		return nil
	}
	id, err := gocql.UUIDFromBytes(data)
	if err != nil {
		return fmt.Errorf("reading an identity: %w", err)
	}
	*u = uuid(id.String())
	return nil
}

// UnmarshalCQL implements gocql.Unmarshaler.
func (a *address) UnmarshalCQL(_ gocql.TypeInfo, data []byte) error {
	*a = ""
	if len(data) > 0 {
		*a = address(net.IP(data).String())
	}
	return nil
}
