// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package target

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Server says which servers of MongoDB are run under the names of its public
// images.
type Server string

const (
	// DoubleServer is the one of test/mongosim, whose images are made here.
	DoubleServer Server = "double"
	// RealServer is MongoDB's own, which the nodes have to be able to pull.
	RealServer Server = "real"
)

// MongoDB settles which it is: what was asked for, or where nothing was the
// double on the local cluster, whose nodes can pull nothing, and MongoDB's own
// elsewhere.
func (t *Target) MongoDB(asked string) (Server, error) {
	switch s := Server(asked); {
	case s == DoubleServer || s == RealServer:
		return s, nil
	case asked != "":
		return "", fmt.Errorf("the MongoDB %q is neither %s nor %s", asked, DoubleServer, RealServer)
	case t.Kind == Local:
		return DoubleServer, nil
	}
	return RealServer, nil
}

// Of leaves out the archives by which a node would run the double though
// MongoDB's own server was asked for.
func (s Server) Of(archives []string) []string {
	if s == DoubleServer {
		return archives
	}
	return slices.DeleteFunc(slices.Clone(archives), func(path string) bool {
		return strings.HasPrefix(filepath.Base(path), "mongo-")
	})
}
