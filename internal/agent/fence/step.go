// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package fence

import (
	"github.com/quorate/quorate/internal/agent/protocol"
	"github.com/quorate/quorate/internal/engine"
)

// CheckStep refuses a step that was planned under a term that this member's
// server has left behind, or about an identity other than the one that it
// finds now (Moved). What the server does not say cannot be compared, and is
// refused as well. The server must have been observed for this request.
func CheckStep(own Own, server engine.Server, s engine.Step) *protocol.Refusal {
	if refusal := checkTerm(server, s); refusal != nil {
		return refusal
	}
	if s.SubjectID == "" {
		return nil
	}
	if s.About() == own.Member {
		return checkSelf(server, s)
	}
	return checkOther(server, s)
}

// checkTerm lets a server lag behind the term of the plan: a follower may.
func checkTerm(server engine.Server, s engine.Step) *protocol.Refusal {
	switch {
	case s.Term == 0:
		return nil
	case !server.Running || server.Term == 0:
		return refuse(protocol.RefusedMoved, "the step was planned in term %d, and the server's term is not known", s.Term)
	case server.Term > s.Term:
		return refuse(protocol.RefusedMoved, "the step was planned in term %d, the server is in term %d", s.Term, server.Term)
	default:
		return nil
	}
}

// checkSelf goes by the identity that the server has on its volume, whether it
// runs or not.
func checkSelf(server engine.Server, s engine.Step) *protocol.Refusal {
	switch {
	case server.ID == "":
		return refuse(protocol.RefusedMoved, "the step is about the identity %s, and the server's is not known", s.SubjectID)
	case server.ID != s.SubjectID:
		return refuse(protocol.RefusedMoved, "the step is about the identity %s, the server is %s", s.SubjectID, server.ID)
	default:
		return nil
	}
}

// checkOther looks the subject up in the membership. One that is not in it is
// no contradiction: it may be joining, or be gone already.
func checkOther(server engine.Server, s engine.Step) *protocol.Refusal {
	if !server.Running || server.View == nil {
		return refuse(protocol.RefusedMoved, "the step is about the identity %s, and the membership is not known", s.SubjectID)
	}
	var another string
	for _, p := range server.View.Peers {
		if p.ID == s.SubjectID {
			return nil
		}
		if p.Name == s.Subject {
			another = p.ID
		}
	}
	if another != "" {
		return refuse(protocol.RefusedMoved, "the step is about the identity %s, the membership has %s under the name %s",
			s.SubjectID, another, s.Subject)
	}
	return nil
}
