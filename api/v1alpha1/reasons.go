// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Reasons of a set at rest.
const (
	// ReasonAllMembersReady says that every member serves and is caught up, as
	// the user wants it. Nothing to do.
	ReasonAllMembersReady = "AllMembersReady"

	// ReasonFormed says that the set has formed. Nothing to do.
	ReasonFormed = "Formed"

	// ReasonUpToDate says that specification and members agree. Nothing to do.
	ReasonUpToDate = "UpToDate"

	// ReasonFullTolerance says that the set tolerates as many failures as its
	// size allows. Nothing to do.
	ReasonFullTolerance = "FullTolerance"

	// ReasonNotStalled says that nothing waits for a person.
	ReasonNotStalled = "NotStalled"
)

// Reasons of a set on its way, where patience is the remedy.
const (
	// ReasonForming says that the set forms for the first time: its pods start
	// and its members find each other.
	//
	// Remedy: wait. If it lasts, look at the events of the pods; a pod without
	// a node or an image is named in the message.
	ReasonForming = "Forming"

	// ReasonMembersNotReady says that at least one member, named in the
	// message, does not serve or is not caught up, while the set has a quorum.
	//
	// Remedy: wait; if it lasts, look at the pod of the member named.
	ReasonMembersNotReady = "MembersNotReady"

	// ReasonScaling says that members are being added or removed, one at a
	// time.
	//
	// Remedy: wait, or set replicas back.
	ReasonScaling = "Scaling"

	// ReasonRollingOut says that members are being replaced, one at a time and
	// the leader last, to take a changed template, configuration or version. The
	// next begins when every voter is back.
	//
	// Remedy: wait.
	ReasonRollingOut = "RollingOut"

	// ReasonReloading says that running servers are being given a changed
	// configuration which they take up without a restart.
	//
	// Remedy: wait.
	ReasonReloading = "Reloading"

	// ReasonSwitchingOver says that the leadership is being handed to the member
	// that the annotation quorate.dev/switchover names.
	//
	// Remedy: wait, or remove the annotation.
	ReasonSwitchingOver = "SwitchingOver"

	// ReasonExpandingVolumes says that the claims are being enlarged, or that the
	// storage has yet to carry it out.
	//
	// Remedy: wait. If it lasts, look at the events of the claim that the message
	// names.
	ReasonExpandingVolumes = "ExpandingVolumes"

	// ReasonRotatingCertificates says that the certificates by which operator and
	// agents know each other are being renewed. No server is restarted by it.
	//
	// Remedy: wait. If it lasts, look at the member that the message names: it is
	// silent, or its kubelet does not mount what is new.
	ReasonRotatingCertificates = "RotatingCertificates"

	// ReasonRotatingKey says that a key which all servers share, or a password of the
	// operator's, is being rotated, as the annotation quorate.dev/rotate asks: the new
	// one is there beside the old one, then used, then alone. Servers that read a key
	// when they start alone are restarted for it, one at a time; no other is.
	//
	// Remedy: wait. If it lasts, look at the member that status.plan names: it is
	// down or silent, and every member has to have the new one before the old one
	// goes.
	ReasonRotatingKey = "RotatingKey"

	// ReasonStopping says that spec.stopped is true and at least one member still
	// runs; the members are shut down one after the other.
	//
	// Remedy: wait, or set spec.stopped to false.
	ReasonStopping = "Stopping"

	// ReasonAdopting says that the members of a set that was made by hand are being
	// taken over, one at a time. Until all are, nothing else is done to it.
	//
	// Remedy: wait. If it lasts, status.plan says what for.
	ReasonAdopting = "Adopting"

	// ReasonReplacingPod says that a pod which never started is being replaced
	// to take a changed specification.
	//
	// Remedy: wait.
	ReasonReplacingPod = "ReplacingPod"

	// ReasonActing says that a step other than scaling is under way, such as
	// the bootstrap of a set that has just formed. status.plan names it.
	//
	// Remedy: wait.
	ReasonActing = "Acting"

	// ReasonBlocked says that an action is due which a guard holds back, since
	// it would cost the set its quorum or its data. status.plan names guard and
	// fact.
	//
	// Remedy: wait for the fact to change, such as a member to become healthy.
	ReasonBlocked = "Blocked"
)

// Reasons of a set in trouble that may pass by itself.
const (
	// ReasonMembersSilent says that too few members report to tell how the set
	// is. It is not taken to be gone: nothing is evicted or replaced on the
	// strength of silence.
	//
	// Remedy: see that the pods run, and that network policies let the operator
	// reach them.
	ReasonMembersSilent = "MembersSilent"

	// ReasonToleranceReduced says that the set serves, but tolerates fewer
	// failures than its size allows.
	//
	// Remedy: none, if members are on their way back; else bring back the
	// member or the node that the message names.
	ReasonToleranceReduced = "ToleranceReduced"

	// ReasonQuorumLost says that fewer voters than a majority are alive, and
	// nothing can be written.
	//
	// Remedy: bring back the pods and nodes of the members that are missing.
	// Their data is on their claims; do not delete those.
	ReasonQuorumLost = "QuorumLost"

	// ReasonNotFormed says that the set has never formed, so that a condition
	// about a formed set says nothing yet.
	ReasonNotFormed = "NotFormed"
)

// Reasons that need a person.
const (
	// ReasonStopped says that spec.stopped is true and no member runs. Claims,
	// ledger and credentials are kept.
	//
	// Remedy: to start the members again, remove spec.stopped.
	ReasonStopped = "Stopped"

	// ReasonRolloutFailed says that a member which was replaced to take a changed
	// template did not become healthy. The last good template was put back, the
	// other members were not touched, and the change is not tried again.
	//
	// Remedy: the message names member and fault; correct the field that was
	// changed, or put its former value back.
	ReasonRolloutFailed = "RolloutFailed"

	// ReasonUpgradeRefused says that the engine does not support going from the
	// version that members run to spec.version. Nothing is replaced.
	//
	// Remedy: set spec.version to one that the message names, or back.
	ReasonUpgradeRefused = "UpgradeRefused"

	// ReasonExpansionRefused says that spec.storage.size was raised and that a
	// claim does not get it: its StorageClass or a quota does not allow it, or
	// the storage cannot. The set goes on with the volumes it has.
	//
	// Remedy: set allowVolumeExpansion on the StorageClass, if its storage can do
	// it, or mend what the message names. It is tried again every minute.
	ReasonExpansionRefused = "ExpansionRefused"

	// ReasonVolumeFull says that next to nothing can be written any more to the
	// volume of a member that runs, or that ran until then. The others go on, as
	// long as they are a majority.
	//
	// Remedy: raise spec.storage.size, if the StorageClass lets volumes grow; or
	// make room among what the server keeps.
	ReasonVolumeFull = "VolumeFull"

	// ReasonDowntimeRefused says that planned work waits since it would interrupt
	// the service of a set of one or two members, and that spec.disruption is
	// Protect.
	//
	// Remedy: set spec.disruption to AllowDowntime when the time suits, or raise
	// spec.replicas to 3.
	ReasonDowntimeRefused = "DowntimeRefused"

	// ReasonMemberLost says that the node of a member is gone, or its volume is,
	// and that its claim may not be deleted without the user's word. The set is
	// one member short until then.
	//
	// Remedy: bring the node back; or agree to the loss of this member's volume
	// with the annotation that the message names.
	ReasonMemberLost = "MemberLost"

	// ReasonClaimTerminating says that somebody deleted the claim of a member whose
	// server runs, and that it is not replaced in good order, as it otherwise
	// would be: the set is too small to do without what is on the volume, or shall
	// be stopped, or is being adopted. The volume goes as soon as the pod does.
	//
	// Remedy: do what the message says before anything ends the pod: raise
	// spec.replicas to 3, or take spec.stopped back. In an adoption: see that the
	// others are healthy, and delete the pod.
	ReasonClaimTerminating = "ClaimTerminating"

	// ReasonMajorityLost says that so many members have lost their volumes for good
	// that the others can never be a majority again. Nothing is served, and
	// nothing is done about it without the user's word.
	//
	// Remedy: bring the volumes back; or agree to a recovery from what is left,
	// with the annotation that the message names. What only the others had is then
	// lost.
	ReasonMajorityLost = "MajorityLost"

	// ReasonAdoptionPlanned says that a set which was made by hand can be taken over,
	// and that it waits for the user's word. Nothing was changed yet.
	//
	// Remedy: read what the message says would be done, and agree to it with the
	// annotation that it gives; or delete the Datastore.
	ReasonAdoptionPlanned = "AdoptionPlanned"

	// ReasonAdoptionRefused says that something is in the way of taking over a set
	// that was made by hand. What was not taken over yet is left as it is.
	//
	// Remedy: the message names each obstacle and what to do about it; it then goes
	// on by itself.
	ReasonAdoptionRefused = "AdoptionRefused"

	// ReasonRotationRefused says that the annotation quorate.dev/rotate cannot be
	// read, or names what this engine cannot rotate. Nothing is rotated; all else
	// goes on.
	//
	// Remedy: correct the annotation as the message says, or remove it.
	ReasonRotationRefused = "RotationRefused"

	// ReasonAccountsRefused says that at least one of the users that the specification
	// asks for is not as it should be: its Secret is missing or may not be used, the
	// server refused it, or somebody else has made one of that name. The message names
	// each, and why. All else goes on, the other users included.
	//
	// Remedy: the message names it; the user is then seen to within a minute.
	ReasonAccountsRefused = "AccountsRefused"

	// ReasonPaused says that spec.paused is true, and nothing is changed.
	//
	// Remedy: set spec.paused to false.
	ReasonPaused = "Paused"

	// ReasonInvalidConfig says that the specification holds what the engine
	// cannot use: an unknown or ill-typed setting in spec.config, or one that
	// the operator owns.
	//
	// Remedy: the message names field and remedy; change the field.
	ReasonInvalidConfig = "InvalidConfig"

	// ReasonTemplateRejected says that the API server refused an object that
	// follows from the specification, such as a StatefulSet with an affinity
	// that is not valid.
	//
	// Remedy: change the field that the message quotes; the operator then goes
	// on by itself.
	ReasonTemplateRejected = "TemplateRejected"

	// ReasonConflict says that an object with a name that is needed exists and
	// is not this Datastore's. It is neither adopted nor changed.
	//
	// Remedy: remove or rename the object that the message names, or give the
	// Datastore another name.
	ReasonConflict = "Conflict"

	// ReasonPodStuck says that a pod cannot start for a reason that time does
	// not mend, such as an image that cannot be pulled or a request that no
	// node can meet.
	//
	// Remedy: correct the field that the message names, or the node, the image
	// or the quota; the pod is then replaced without further help.
	ReasonPodStuck = "PodStuck"

	// ReasonForeignVolume says that the claim of a member holds the data of
	// another Datastore. The member is not started.
	//
	// Remedy: delete or rename the claim that the message names, once sure that
	// its data is not needed.
	ReasonForeignVolume = "ForeignVolume"

	// ReasonDataLost says that the set had formed, and that all volumes are
	// empty now. It is never formed again by itself.
	//
	// Remedy: bring back the volumes; or agree that the set starts with no data,
	// with the annotation that the message gives.
	ReasonDataLost = "DataLost"

	// ReasonLedgerLost says that the volumes hold a formed set, but the ledger,
	// which says who its members are, is gone.
	//
	// Remedy: restore the ConfigMap that the message names from a backup.
	ReasonLedgerLost = "LedgerLost"

	// ReasonCredentialsLost says that a Secret of the formed set is gone, or that a
	// certificate in it cannot be read. It is never replaced by a new one, which
	// would not open the data.
	//
	// Remedy: restore the Secret that the message names from a backup.
	ReasonCredentialsLost = "CredentialsLost"

	// ReasonFormationUncertain says that the formation was begun and it cannot
	// be told whether it succeeded, since a volume that took part in it is
	// gone. It is not begun again.
	//
	// Remedy: bring back the volume; or, if nothing was ever written, delete
	// the Datastore and all of its claims and create it again.
	ReasonFormationUncertain = "FormationUncertain"
)
