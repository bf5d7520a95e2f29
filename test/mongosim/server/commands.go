// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/test/mongosim/auth"
)

// errHangUp ends a connection without an answer.
var errHangUp = errors.New("no answer")

// command is what the server can be asked.
type command struct {
	class auth.Class
	// first says that the localhost exception allows it.
	first bool
	// exempt allows some of its requests without a log-in.
	exempt func(r *request) bool
	run    func(ctx context.Context, r *request) (bson.D, error)
}

var commands map[string]command

func init() {
	commands = map[string]command{
		"hello":    {class: auth.Anyone, run: hello},
		"isMaster": {class: auth.Anyone, run: hello},
		"ismaster": {class: auth.Anyone, run: hello},
		"ping":     {class: auth.Anyone, run: nothing},

		"buildInfo":        {class: auth.Anyone, run: buildInfo},
		"buildinfo":        {class: auth.Anyone, run: buildInfo},
		"saslStart":        {class: auth.Anyone, run: saslStart},
		"saslContinue":     {class: auth.Anyone, run: saslContinue},
		"logout":           {class: auth.Anyone, run: logout},
		"connectionStatus": {class: auth.Anyone, run: connectionStatus},
		"endSessions":      {class: auth.Anyone, run: nothing},

		"replSetInitiate":  {class: auth.Manage, first: true, run: replSetInitiate},
		"replSetReconfig":  {class: auth.Manage, first: true, run: replSetReconfig},
		"replSetGetStatus": {class: auth.Monitor, first: true, run: replSetGetStatus},
		"replSetGetConfig": {class: auth.Monitor, run: replSetGetConfig},
		"replSetStepDown":  {class: auth.Manage, run: replSetStepDown},
		"replSetFreeze":    {class: auth.Manage, run: replSetFreeze},
		"shutdown":         {class: auth.Manage, run: shutdown},

		"createUser": {class: auth.Users, first: true, run: createUser},
		"updateUser": {class: auth.Users, run: updateUser},
		"dropUser":   {class: auth.Users, run: dropUser},
		"usersInfo":  {class: auth.Users, exempt: ownUser, run: usersInfo},

		"getParameter":                   {class: auth.Monitor, run: getParameter},
		"setParameter":                   {class: auth.Manage, exempt: faultSwitch, run: setParameter},
		"setFeatureCompatibilityVersion": {class: auth.Manage, run: setFCV},
		"serverStatus":                   {class: auth.Monitor, run: serverStatus},
		"getCmdLineOpts":                 {class: auth.Monitor, run: getCmdLineOpts},
		"listDatabases":                  {class: auth.Monitor, run: listDatabases},
		"listCollections":                {class: auth.Read, run: listCollections},

		"insert":       {class: auth.Write, run: insert},
		"update":       {class: auth.Write, run: update},
		"delete":       {class: auth.Write, run: remove},
		"drop":         {class: auth.Write, run: drop},
		"dropDatabase": {class: auth.Write, run: dropDatabase},
		"find":         {class: auth.Read, run: find},
		"count":        {class: auth.Read, run: count},
		"aggregate":    {class: auth.Read, run: aggregate},
		"getMore":      {class: auth.LoggedIn, run: getMore},
		"killCursors":  {class: auth.LoggedIn, run: killCursors},

		// Among members.
		"_isSelf":          {class: auth.Anyone, run: isSelf},
		"replSetHeartbeat": {class: auth.Internal, run: heartbeat},
		"replSetConsensus": {class: auth.Internal, run: consensus},
		"replSetBeginCopy": {class: auth.Internal, run: beginCopy},
		"replSetCopyPart":  {class: auth.Internal, run: copyPart},
	}
}

func nothing(context.Context, *request) (bson.D, error) { return nil, nil }
