// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/uuid"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/fleet"
	"github.com/quorate/quorate/internal/layout"
	"github.com/quorate/quorate/internal/plan"
	"github.com/quorate/quorate/internal/resource"
)

// pass is one reconciliation of one Datastore.
type pass struct {
	*Reconciler
	d       *v1alpha1.Datastore
	key     types.NamespacedName
	kit     engine.Kit
	ledger  *ledgerFile
	secrets *credentials
	// adopted are the user's secrets of a set that is being adopted; nil where there are none.
	adopted *adoptedSecrets
	// keeping are the accounts that the operator keeps; nil where it keeps none.
	keeping  *keeping
	snapshot *snapshot
	findings *findings
	// begun are the actions that this pass has begun, or asked for again.
	begun []deed
	// early is set where a member is silent only because it was not asked yet.
	early bool
	// confirmed is set once the Datastore was seen to be as it was read.
	confirmed bool
	// renewed is set once a Secret was written with renewed certificates or with
	// another key, or a set was dissolved; no event will tell of that.
	renewed bool
}

func newPass(r *Reconciler, d *v1alpha1.Datastore) *pass {
	return &pass{
		Reconciler: r, d: d, key: client.ObjectKeyFromObject(d), secrets: &credentials{}, ledger: &ledgerFile{},
		snapshot: &snapshot{},
		findings: &findings{datastore: d, quorum: engine.Majority, state: plan.State{Name: d.Name}},
	}
}

var (
	// errStop ends a pass whose findings already say why.
	errStop = errors.New("the pass ends here")
	// errGone ends a pass over a Datastore that exists no more; nothing is
	// said of it, since there is nowhere to say it.
	errGone = errors.New("the Datastore is gone")
	// errOutdated ends a pass over a Datastore that was changed since it was
	// read; the next pass reads it anew.
	errOutdated = errors.New("the Datastore was changed meanwhile")
	// errSuperseded ends a pass of a manager that another one has taken over
	// from.
	errSuperseded = errors.New("another manager has taken over")
)

// run goes through the pass. Each stage needs the ones before it:
//
//	validate  a specification that the engine refuses changes nothing
//	load      ledger and credentials, from the API server itself
//	decide    on what the cache shows and the agents reported
//	withdraw  pods that end from the addresses of their members: it cannot wait
//	confirm   the same on what is true now, if there is anything to do
//	remember  the ledger, before anything that it must remember
//	mark      the StatefulSet with the epoch, before it follows from it that
//	          anybody is asked
//	limit     how many members others may evict
//	label     pods and claims that were made by hand and are adopted
//	retain    the claims, by their owners, while there is a Datastore
//	expand    the claims: what is wrong with a child does not hold it up
//	apply     the children, the StatefulSet last
//	keep      the Secrets of accounts, before an agent hears of them
//	rotate    certificates that run out, or that are asked for; and a key or a
//	          password in its Secret, before the servers hear of it
//	discard   claims of members that have left
//	replace   pods that cannot get on, or that have another template
//	upgrade   agents, in place
//	ask       the agents
func (p *pass) run(ctx context.Context) error {
	stages := []func(context.Context) error{p.validate, p.load, p.decide, p.withdraw, p.confirm, p.remember, p.dissolve, p.mark, p.limit, p.label, p.retain, p.expand, p.apply, p.keepAccounts, p.rotate, p.rotateKey, p.discard, p.replace, p.upgradeAgents, p.ask, p.tellOfAccounts}
	for _, stage := range stages {
		if err := stage(ctx); err != nil {
			return p.explain(err)
		}
	}
	return nil
}

// explain turns an error that a person must mend into a finding.
func (p *pass) explain(err error) error {
	var conflict *conflictError
	switch {
	case errors.Is(err, errStop):
		return nil
	case errors.As(err, &conflict):
		p.block(v1alpha1.ReasonConflict, conflict.Error())
		return nil
	case apierrors.IsInvalid(err):
		p.block(v1alpha1.ReasonTemplateRejected, "the API server refused what follows from the specification: "+err.Error())
		return nil
	default:
		return err
	}
}

func (p *pass) block(reason, message string) {
	if p.findings.blocked == nil {
		p.findings.blocked = &plan.Finding{Reason: reason, Message: message}
	}
}

// validate asks the engine. A refused specification still has its status kept.
func (p *pass) validate(context.Context) error {
	kit, err := p.Engines.Kit(p.d.Spec.Engine)
	if err != nil {
		p.block(v1alpha1.ReasonInvalidConfig, err.Error())
		return errStop
	}
	p.kit = kit
	p.findings.quorum = kit.Engine.Traits().Quorum
	if errs := kit.Engine.Validate(nil, p.d); len(errs) > 0 {
		p.block(v1alpha1.ReasonInvalidConfig, errs.ToAggregate().Error())
	}
	return nil
}

// layout is that of the members.
func (p *pass) layout() layout.Layout { return resource.LayoutOf(p.d, p.kit.Engine) }

// load reads what must not be stale, and follows the agents with it.
func (p *pass) load(ctx context.Context) error {
	file, err := readLedger(ctx, p.Live, p.d)
	if err != nil {
		return err
	}
	p.ledger = file
	if err := p.readAdopted(ctx); err != nil {
		return err
	}
	if file.ledger == nil {
		return p.secrets.find(ctx, p.Live, p.d)
	}
	if p.superseded(p.d.UID, file.ledger.Epoch, p.Now()) {
		return errSuperseded
	}
	if err := p.secrets.read(ctx, p.Live, p.d, file.ledger); err != nil {
		return err
	}
	return p.readAccounts(ctx)
}

// decide plans on what the cache shows.
func (p *pass) decide(ctx context.Context) error {
	answered := p.fleet.Answered(p.key)
	if why := p.misnamed(); why != "" {
		p.block(v1alpha1.ReasonInvalidConfig, why)
		return errStop
	}
	snap, err := observe(ctx, p.Client, p.d, p.layout(), p.fleet.Reports(p.key))
	if err != nil {
		return err
	}
	if err := p.former(snap); err != nil {
		return err
	}
	if err := p.follow(snap, answered); err != nil { //nolint:contextcheck // the long polls outlive the pass
		return err
	}
	if err := p.strand(ctx, snap); err != nil {
		return err
	}
	if err := p.handmade(ctx, snap); err != nil {
		return err
	}
	return p.plan(snap)
}

func (p *pass) plan(snap *snapshot) error {
	snap.now, snap.burnIn = p.Now(), p.Settings.BurnIn
	if o := p.ledger.object; o != nil {
		snap.ledgerMade = &o.CreationTimestamp
	}
	p.snapshot = snap
	want := p.want(snap)
	s := snap.state(p.d, p.ledger.ledger, want)
	s.Retained = snap.retained(p.secrets.found)
	s.Keys, s.Passwords, s.Accounts, s.AdoptedSecrets = p.keys(), p.passwords(), p.accounts(), p.plannedSecrets(snap)
	s.Epoch, s.NewClusterID = p.epoch(p.d.UID), string(uuid.NewUUID())
	p.findings.state, p.findings.decided = s, true
	p.findings.decision = plan.Next(p.kit.Engine, s)
	if l := p.findings.decision.Ledger; l != nil {
		l.Image, l.ImageFor = p.image(), p.imageFor()
	}
	p.findings.volumes = p.sizes(snap)
	return nil
}

// follow keeps the long polls at the pods that can have an agent. The pass is
// early where one of them had no time to answer before it began.
func (p *pass) follow(snap *snapshot, answered map[string]bool) error {
	id, ok := p.secrets.identity()
	if !ok {
		return nil
	}
	var targets []fleet.Target
	for name, pod := range snap.pods {
		if mayReport(pod) && pod.Status.PodIP != "" {
			targets = append(targets, fleet.Target{Member: name, PodUID: string(pod.UID), Addr: agentAddress(pod), Run: agentRun(pod)})
			p.early = p.early || !answered[string(pod.UID)]
		}
	}
	if err := p.fleet.Follow(p.key, id, targets); err != nil {
		return fmt.Errorf("follow the agents of %s: %w", p.d.Name, err)
	}
	return nil
}

// remember writes the ledger, and with it the epoch of this manager.
func (p *pass) remember(ctx context.Context) error {
	next := p.findings.decision.Ledger
	if next == nil {
		return errStop
	}
	before := p.ledger.ledger
	if err := p.ledger.write(ctx, p.Client, p.d, p.claims(), next); err != nil {
		// Whether it was written is not known unless it was refused.
		if !apierrors.IsConflict(err) && !apierrors.IsAlreadyExists(err) {
			p.release(p.d.UID)
		}
		return err
	}
	if before == nil || next.Epoch != before.Epoch {
		p.hold(p.d.UID, next.Epoch)
	}
	pointLedgerWritten.Reach()
	return nil
}

// claims are those that a grant was given for: what ledger and credentials
// must live as long as. On any other there is nothing that they would open.
func (p *pass) claims() []*corev1.PersistentVolumeClaim {
	out := make([]*corev1.PersistentVolumeClaim, 0, len(p.snapshot.claims))
	for member, c := range p.snapshot.claims {
		granted := p.findings.decision.Ledger.Members[member].ClaimUID
		if c.DeletionTimestamp == nil && granted == string(c.UID) {
			out = append(out, c)
		}
	}
	return out
}

// imageFor names what a default image follows from.
func (p *pass) imageFor() string {
	if p.d.Spec.Image != "" {
		return "spec.image"
	}
	return string(p.d.Spec.Engine) + " " + p.d.Spec.Version
}

// image is the user's, or the one that was resolved from engine and version
// when these were last set, whatever this build would resolve.
func (p *pass) image() string {
	l := p.ledger.ledger
	switch {
	case p.d.Spec.Image != "":
		return p.d.Spec.Image
	case l != nil && l.ImageFor == p.imageFor():
		return l.Image
	default:
		return p.kit.Engine.Template(p.d).Image
	}
}

// conflictError says that an object of a name that is needed is not ours.
type conflictError struct {
	what, why string
}

func (e *conflictError) Error() string {
	return fmt.Sprintf("%s exists already, and %s; remove or rename it, or give the Datastore another name", e.what, e.why)
}

// formerError says that an object of a former Datastore of the same name is
// still to be collected.
type formerError struct {
	what, why string
}

func (e *formerError) Error() string { return fmt.Sprintf("%s exists still, and %s", e.what, e.why) }
