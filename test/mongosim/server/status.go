// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/quorate/quorate/test/mongosim/code"
	"github.com/quorate/quorate/test/mongosim/replication"
	"github.com/quorate/quorate/test/mongosim/replset"
)

func replSetGetStatus(_ context.Context, r *request) (bson.D, error) {
	node, err := r.server.set()
	if err != nil {
		return nil, err
	}
	look := node.Look()
	if look.Config == nil {
		return nil, code.Errorf(code.NotYetInitialized, "no replset config has been received")
	}
	if look.Self < 0 {
		return nil, code.Errorf(code.InvalidReplicaSetConfig, "Our replica set config is invalid or we are not a member of it")
	}
	members := bson.A{}
	data, writable := 0, 0
	for i, m := range look.Config.Members {
		members = append(members, r.server.memberStatus(look, i, m))
		if m.Voter() {
			data++
			if !m.ArbiterOnly {
				writable++
			}
		}
	}
	op := shownOptime(look.Optime, look.OpTerm)
	return bson.D{
		{Key: "set", Value: look.Config.ID},
		{Key: "date", Value: time.Now().UTC()},
		{Key: "myState", Value: int32(look.State)},
		{Key: "term", Value: look.Term},
		{Key: "syncSourceHost", Value: syncSource(look)},
		{Key: "syncSourceId", Value: int32(look.Config.FindHost(syncSource(look)))},
		{Key: "heartbeatIntervalMillis", Value: int64(look.Config.Settings.HeartbeatIntervalMillis)},
		{Key: "majorityVoteCount", Value: int32(look.Config.Majority())},
		{Key: "writeMajorityCount", Value: int32(min(look.Config.Majority(), writable))},
		{Key: "votingMembersCount", Value: int32(data)},
		{Key: "writableVotingMembersCount", Value: int32(writable)},
		{Key: "optimes", Value: bson.D{
			{Key: "lastCommittedOpTime", Value: op}, {Key: "lastCommittedWallTime", Value: look.Wall},
			{Key: "readConcernMajorityOpTime", Value: op}, {Key: "appliedOpTime", Value: op},
			{Key: "durableOpTime", Value: op}, {Key: "lastAppliedWallTime", Value: look.Wall},
			{Key: "lastDurableWallTime", Value: look.Wall},
		}},
		{Key: "members", Value: members},
	}, nil
}

func shownOptime(ts bson.Timestamp, term int64) bson.D {
	return bson.D{{Key: "ts", Value: ts}, {Key: "t", Value: term}}
}

func syncSource(look replication.Snapshot) string {
	if look.State == replication.Primary {
		return ""
	}
	return look.Primary
}

func (s *Server) memberStatus(look replication.Snapshot, i int, m replset.Member) bson.D {
	if i == look.Self {
		return s.ownStatus(look, m)
	}
	p := look.Peers[m.Host]
	health, uptime := 0.0, int64(0)
	if p.Up {
		health, uptime = 1, int64(time.Since(p.Since).Seconds())
	}
	d := bson.D{
		{Key: "_id", Value: m.ID}, {Key: "name", Value: m.Host}, {Key: "health", Value: health},
		{Key: "state", Value: int32(p.State)}, {Key: "stateStr", Value: p.State.String()}, {Key: "uptime", Value: uptime},
	}
	date := time.Unix(int64(p.Optime.T), 0).UTC()
	if !m.ArbiterOnly {
		op := shownOptime(p.Optime, p.OpTerm)
		d = append(d, bson.D{{Key: "optime", Value: op}, {Key: "optimeDurable", Value: op},
			{Key: "optimeDate", Value: date}, {Key: "optimeDurableDate", Value: date},
			{Key: "lastAppliedWallTime", Value: date}, {Key: "lastDurableWallTime", Value: date}}...)
	}
	d = append(d, bson.D{
		{Key: "lastHeartbeat", Value: shownTime(p.Beat)}, {Key: "lastHeartbeatRecv", Value: shownTime(p.Heard)},
		{Key: "pingMs", Value: p.Ping.Milliseconds()}, {Key: "lastHeartbeatMessage", Value: p.Message},
		{Key: "syncSourceHost", Value: ""}, {Key: "syncSourceId", Value: int32(-1)}, {Key: "infoMessage", Value: ""},
	}...)
	if p.State == replication.Primary {
		d = append(d, election(p.ElectedAt)...)
	}
	return append(d, bson.E{Key: "configVersion", Value: p.Version}, bson.E{Key: "configTerm", Value: p.Term})
}

func (s *Server) ownStatus(look replication.Snapshot, m replset.Member) bson.D {
	info := ""
	if look.Stale {
		info = "too stale to catch up"
	}
	d := bson.D{
		{Key: "_id", Value: m.ID}, {Key: "name", Value: m.Host}, {Key: "health", Value: 1.0},
		{Key: "state", Value: int32(look.State)}, {Key: "stateStr", Value: look.State.String()},
		{Key: "uptime", Value: int64(time.Since(s.started).Seconds())},
	}
	if !m.ArbiterOnly {
		d = append(d, bson.D{{Key: "optime", Value: shownOptime(look.Optime, look.OpTerm)}, {Key: "optimeDate", Value: look.Wall},
			{Key: "lastAppliedWallTime", Value: look.Wall}, {Key: "lastDurableWallTime", Value: look.Wall}}...)
	}
	source := syncSource(look)
	d = append(d, bson.D{
		{Key: "syncSourceHost", Value: source}, {Key: "syncSourceId", Value: int32(look.Config.FindHost(source))},
		{Key: "infoMessage", Value: info},
	}...)
	if look.State == replication.Primary {
		d = append(d, election(look.Elected)...)
	}
	return append(d, bson.D{{Key: "configVersion", Value: look.Config.Version}, {Key: "configTerm", Value: look.Config.Term},
		{Key: "self", Value: true}, {Key: "lastHeartbeatMessage", Value: ""}}...)
}

func election(at time.Time) bson.D {
	return bson.D{{Key: "electionTime", Value: bson.Timestamp{T: uint32(at.Unix()), I: 1}}, {Key: "electionDate", Value: at.UTC()}}
}

// shownTime is the epoch for what never was.
func shownTime(t time.Time) time.Time {
	if t.IsZero() {
		return time.Unix(0, 0).UTC()
	}
	return t.UTC()
}
