// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package engine

// StepKind names what a step does.
type StepKind string

const (
	// StepGrant lets a server on an empty volume start, to form or to join; it
	// is planned by the core, for all engines alike.
	StepGrant StepKind = "Grant"
	// StepBootstrap does once, after the formation, what the set needs to be
	// usable (for instance the first access token).
	StepBootstrap StepKind = "Bootstrap"
	// StepConfigure brings a setting that is kept in the set itself to what is
	// wanted. It costs nothing.
	StepConfigure StepKind = "Configure"
	// StepJoin adds a started member to the membership.
	StepJoin StepKind = "Join"
	// StepPromote gives a caught-up member its vote.
	StepPromote StepKind = "Promote"
	// StepDemote takes a member's vote.
	StepDemote StepKind = "Demote"
	// StepStepDown moves the leadership off a member.
	StepStepDown StepKind = "StepDown"
	// StepLeave has a member leave the membership for good.
	StepLeave StepKind = "Leave"
	// StepEvictDead removes an identity whose volume is known to be gone.
	StepEvictDead StepKind = "EvictDead"
	// StepFinalize does what cannot be undone after a new version has run for a
	// while, and without which the next one could not follow.
	StepFinalize StepKind = "Finalize"
	// StepReload gives a running server the files that it can take up without
	// a restart; Params holds them by name. It is planned by the core.
	StepReload StepKind = "Reload"
	// StepUpgradeAgent gives a member's pod the present image of the agent, in
	// place: the kubelet restarts the agent alone. It is planned and carried out
	// by the core.
	StepUpgradeAgent StepKind = "UpgradeAgent"
	// StepDiscardVolume deletes the claim of a member that is lost, as the user
	// agreed, so that an empty one can take its place. It is planned and carried
	// out by the core; no agent is asked.
	StepDiscardVolume StepKind = "DiscardVolume"
	// StepRecover tells a survivor of a recovery that the user agreed to; Params
	// are the engine's, see Recoverer. It is planned by the core. The server is
	// not stopped by it. Without parameters it says that the recovery was given up:
	// a volume that has not been prepared for it never is.
	StepRecover StepKind = "Recover"
	// StepStartEmpty gives up what is left of a set that lost all of its data, as the
	// user agreed, so that another one can form. It is planned and carried out by the
	// core; no agent is asked.
	StepStartEmpty StepKind = "StartEmpty"
	// StepRotateKey takes the rotation of a key that all servers share, or of a
	// password, one phase further; Key says which. It is planned by the core, see
	// KeyRotator.
	StepRotateKey StepKind = "RotateKey"
	// StepAccounts has the server have the accounts that the user asks for; Accounts
	// says which. It is planned by the core, see AccountKeeper.
	StepAccounts StepKind = "Accounts"
	// StepAdopt takes a set that was made by hand over, or one of its members. It is
	// planned and carried out by the core; no agent is asked.
	StepAdopt StepKind = "Adopt"
	// StepReplacePod deletes a member's pod, so that it is made anew from the
	// StatefulSet's template on the same volume. It is planned and carried out
	// by the core; no agent is asked.
	StepReplacePod StepKind = "ReplacePod"
)

// Step is a change in the membership or state of an engine.
type Step struct {
	Kind StepKind `json:"kind"`
	// Member is whose agent carries it out.
	Member string `json:"member"`
	// Subject is the member that it is about; empty where that is Member.
	Subject string `json:"subject,omitempty"`
	// SubjectID is the engine's own identity of the subject. An agent refuses
	// the step where the identity it finds is another.
	SubjectID string `json:"subjectID,omitempty"`
	// Leave says what a Leave is to come to. The core sets it.
	Leave LeaveMode `json:"leave,omitempty"`
	// Recovery is the number of the one that a Recover is about.
	Recovery int `json:"recovery,omitempty"`
	// Params are in the engine's words.
	Params map[string]string `json:"params,omitempty"`
	// Key is the change that a RotateKey makes.
	Key *KeyChange `json:"key,omitempty"`
	// Accounts is the change that a StepAccounts makes.
	Accounts *AccountChange `json:"accounts,omitempty"`
	// Secrets names the credentials which the core attaches when it sends the
	// step; on the wire they travel in Credentials.
	Secrets []string `json:"-"`
	// Credentials is filled in by the core just before sending; never logged.
	Credentials map[string]string `json:"credentials,omitempty"`
	// Term is the leader's term, or the configuration's version, that the step
	// was planned under; zero where the engine has none. An agent whose server
	// has moved on refuses.
	Term uint64 `json:"term,omitempty"`
	// Cost is what the step takes away while it runs.
	Cost Cost `json:"-"`
	// Why is the reason in a sentence, for status.plan.
	Why string `json:"-"`
	// Blocked says in a sentence why the engine does not have the step carried out
	// now, where the core cannot know; empty where it may. A step that is merely not
	// due is not planned: this is for what is asked for and waits for a person.
	Blocked string `json:"-"`
	// Refused says in a sentence how the server turned down the last try, and what a
	// person can do about it; empty where it did not, or it is not known. The user is
	// told. Whether it is tried again is another matter, see Blocked.
	Refused string `json:"-"`
}

// LeaveMode says what a Leave is to come to.
type LeaveMode string

const (
	// LeaveForGood marks the volume first and has the server leave then: it never
	// starts on its data again.
	LeaveForGood LeaveMode = ""
	// LeaveMoving has the server give away what it has and leave then, where the
	// engine says LeaveMovesData. Nothing is marked.
	LeaveMoving LeaveMode = "Moving"
	// LeaveGone marks the volume of one whom the membership has let go, or never had,
	// and ends its server. An agent whose server says that it takes part refuses it.
	LeaveGone LeaveMode = "Gone"
)

// About returns the member that the step concerns.
func (s Step) About() string {
	if s.Subject != "" {
		return s.Subject
	}
	return s.Member
}

// Cost of a step, as the guards weigh it.
type Cost struct {
	// Voters is how many healthy voters the step removes, for a time or for good.
	Voters int
	// Membership is true where the step changes who is a member.
	Membership bool
}

// Disruptive steps run one at a time per datastore (law 3).
func (c Cost) Disruptive() bool { return c.Voters > 0 || c.Membership }

// GrantKind says what a server on an empty volume may do.
type GrantKind string

const (
	// GrantForm lets it found the set together with the others.
	GrantForm GrantKind = "Form"
	// GrantJoin lets it join the set, never form one.
	GrantJoin GrantKind = "Join"
	// GrantAdopt lets it go on with the data of a set that was made by hand, which
	// bears no marker yet. It is good for such a volume alone, never for an empty one,
	// and who has it counts as a member of a formed set from the beginning.
	GrantAdopt GrantKind = "Adopt"
)

// Grant is the manager's word to one member, bound to its pod and its claim.
type Grant struct {
	Kind GrantKind `json:"kind"`
	// Size is the number of founders, fixed when the first grant is given.
	Size int32 `json:"size,omitempty"`
	// ClusterID is the ledger's identity of the set.
	ClusterID string `json:"clusterID"`
	// PodUID and ClaimUID are whom it is for; no other may use it.
	PodUID   string `json:"podUID"`
	ClaimUID string `json:"claimUID"`
	// Founders are the members that hold or held a Form grant of this set.
	Founders []string `json:"founders,omitempty"`
}
