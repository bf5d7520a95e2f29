// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package controller

import (
	"maps"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/agent/mounts"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/fleet"
	"github.com/quorate/quorate/internal/pki"
	"github.com/quorate/quorate/internal/plan"
	"github.com/quorate/quorate/internal/resource"
	"github.com/quorate/quorate/internal/rotation"
	"github.com/quorate/quorate/test/wrappers"
)

const wholeRotation = 8 // writes

// certified is an API server with the three Secrets of a Datastore.
func certified(t *testing.T, more ...client.Object) client.Client {
	t.Helper()
	d := wrappers.MakeDatastore("db").Namespace("ns").UID("u").Obj()
	ca, err := pki.NewAuthority("c1", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	authority, err := pki.LoadAuthority(ca)
	if err != nil {
		t.Fatal(err)
	}
	manager, err := authority.Manager(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	member, err := authority.Member(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	data := func(p pki.Pair) map[string][]byte {
		return map[string][]byte{resource.AuthorityKey: ca.Certificate, resource.CertificateKey: p.Certificate, resource.PrivateKey: p.Key}
	}
	return fake.NewClientBuilder().WithObjects(append(more,
		resource.AuthoritySecret(d, "c1", map[string][]byte{resource.AuthorityKey: ca.Certificate, resource.AuthorityPrivateKey: ca.Key}),
		resource.ManagerSecret(d, "c1", data(manager)), resource.MemberSecret(d, "c1", data(member)),
	)...).Build()
}

// renewer is a pass that has read the Secrets and is about to rotate.
func renewer(t *testing.T, c client.Client, request string) *pass {
	t.Helper()
	d := wrappers.MakeDatastore("db").Namespace("ns").UID("u").Obj()
	d.Annotations = map[string]string{v1alpha1.AnnotationRotateCertificates: request}
	key := client.ObjectKeyFromObject(d)
	agents := fleet.New(func(fleet.Identity) (fleet.Client, error) { return silentClient{&recorder{}}, nil }, func(types.NamespacedName) {})
	t.Cleanup(agents.Close)
	p := &pass{
		Reconciler: &Reconciler{Client: c, Live: c, fleet: agents, tenure: newTenure(), Now: time.Now}, d: d, key: key,
		ledger: &ledgerFile{ledger: &plan.Ledger{ClusterID: "c1"}}, secrets: &credentials{}, snapshot: &snapshot{}, findings: &findings{}, confirmed: true,
	}
	if err := p.secrets.read(t.Context(), c, d, &plan.Ledger{ClusterID: "c1"}); err != nil {
		t.Fatal(err)
	}
	return p
}

func rotateTimes(t *testing.T, c client.Client, request string, n int) {
	t.Helper()
	for range n {
		p := renewer(t, c, request)
		if err := p.rotate(t.Context()); err != nil || !p.renewed {
			t.Fatalf("written: %t, %v", p.renewed, err)
		}
	}
}

func secretsOf(t *testing.T, c client.Client) map[string]string {
	t.Helper()
	var all corev1.SecretList
	if err := c.List(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, s := range all.Items {
		out[s.Name] = s.ResourceVersion
	}
	return out
}

// A manager that was frozen with the Secrets in hand, wherever a rotation then
// stood and however far its successor has come since, writes nothing.
func TestAFrozenManagerTakesNoRenewalBack(t *testing.T) {
	for at := range wholeRotation {
		for _, since := range []int{1, 2, wholeRotation - at, wholeRotation - at + 1, 2*wholeRotation - at} {
			c := certified(t)
			rotateTimes(t, c, "one", at)
			frozen := renewer(t, c, "one")
			rest := min(since, wholeRotation-at)
			rotateTimes(t, c, "one", rest)
			rotateTimes(t, c, "two", since-rest)
			before := secretsOf(t, c)
			if err := frozen.rotate(t.Context()); !apierrors.IsConflict(err) || frozen.renewed {
				t.Errorf("frozen at write %d, and %d since: %v", at, since, err)
			}
			if after := secretsOf(t, c); !maps.Equal(before, after) {
				t.Errorf("frozen at write %d, and %d since: it wrote", at, since)
			}
		}
	}
}

// A pass writes one Secret at most, and notes which request a rotation is for;
// when that is done nothing is left to do.
func TestARotationIsWrittenOneSecretAtATime(t *testing.T) {
	c := certified(t)
	for n := range wholeRotation {
		before := secretsOf(t, c)
		p := renewer(t, c, "one")
		if err := p.rotate(t.Context()); err != nil || p.findings.renewing == "" {
			t.Fatalf("write %d: %q, %v", n, p.findings.renewing, err)
		}
		changed := 0
		for name, version := range secretsOf(t, c) {
			if before[name] != version {
				changed++
			}
		}
		if changed != 1 {
			t.Errorf("write %d: %d Secrets were written", n, changed)
		}
		if got := p.secrets.authority.Annotations[v1alpha1.AnnotationRotateCertificates]; got != "one" {
			t.Errorf("write %d: noted is %q", n, got)
		}
	}
	for _, request := range []string{"one", ""} {
		p := renewer(t, c, request)
		if err := p.rotate(t.Context()); err != nil || p.renewed || p.findings.renewing != "" {
			t.Errorf("at rest, asked for %q: %q, %v", request, p.findings.renewing, err)
		}
	}
}

// What is written follows from what the agents say now, not from a report that
// is older than the decision.
func TestAMemberThatFellSilentHoldsTheRotationUp(t *testing.T) {
	set := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "db", UID: "s"}}
	own := *metav1.NewControllerRef(wrappers.MakeDatastore("db").UID("u").Obj(), v1alpha1.SchemeGroupVersion.WithKind("Datastore"))
	set.OwnerReferences = []metav1.OwnerReference{own}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: "ns", Name: "db-0", UID: "p0", Labels: resource.SelectorLabels("db"),
		OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(set, appsv1.SchemeGroupVersion.WithKind("StatefulSet"))},
	}, Spec: corev1.PodSpec{InitContainers: []corev1.Container{{Name: resource.AgentContainer}}}}
	c := certified(t, set, pod)
	rotateTimes(t, c, "one", 3)
	p := renewer(t, c, "one")
	hashes := map[string]string{}
	for key, value := range p.secrets.member.Data {
		hashes[mounts.Key(mounts.Member, key)] = mounts.Hash(value)
	}
	p.snapshot = &snapshot{pods: map[string]*corev1.Pod{"db-0": pod}, reports: map[string]*engine.Report{"p0": {Mounts: hashes}}}
	if step, err := p.renewal(p.snapshot).Next(); err != nil || step.Kind != rotation.Issue {
		t.Fatalf("the report lets it go on: %+v, %v", step, err)
	}
	if err := p.rotate(t.Context()); err != nil || p.renewed || !strings.Contains(p.findings.renewing, "db-0 must be heard first") {
		t.Errorf("written: %t, %q, %v", p.renewed, p.findings.renewing, err)
	}
	ended := pod.DeepCopy()
	ended.Status.Phase = corev1.PodFailed
	p.snapshot = &snapshot{pods: map[string]*corev1.Pod{"db-0": ended}}
	if step, err := p.renewal(p.snapshot).Next(); err != nil || step.Kind != rotation.Issue {
		t.Errorf("a pod that has ended is waited for: %+v, %v", step, err)
	}
	handmade := pod.DeepCopy()
	handmade.Spec.InitContainers = nil
	p.snapshot = &snapshot{pods: map[string]*corev1.Pod{"db-0": handmade}}
	if step, err := p.renewal(p.snapshot).Next(); err != nil || step.Kind != rotation.Issue {
		t.Errorf("a pod that has no agent is waited for: %+v, %v", step, err)
	}
}

// A missing Secret keeps all others as they are; one that cannot be read is
// told, and holds nothing else up.
func TestNothingIsRenewedWithoutAllSecrets(t *testing.T) {
	c := certified(t)
	for _, lose := range []func(*credentials){
		func(c *credentials) { c.authority = nil }, func(c *credentials) { c.manager = nil }, func(c *credentials) { c.member = nil },
	} {
		p := renewer(t, c, "one")
		lose(p.secrets)
		if err := p.rotate(t.Context()); err != nil || p.renewed {
			t.Errorf("written: %t, %v", p.renewed, err)
		}
	}
	p := renewer(t, c, "one")
	p.secrets.member.Data[resource.CertificateKey] = []byte("?")
	if err := p.rotate(t.Context()); err != nil || p.renewed {
		t.Errorf("written: %t, %v", p.renewed, err)
	}
	if s := p.findings.decision.Stalled; s == nil || s.Reason != v1alpha1.ReasonCredentialsLost || !strings.Contains(s.Message, "db-member") {
		t.Errorf("told is %+v", s)
	}
}

func TestRenewingIsTold(t *testing.T) {
	renewing := func(f *findings) { f.renewing = "until all members trust it" }
	expectVerdicts(t, reconciling, []judged{
		{"under way", serving(3).with(renewing), isTrue, v1alpha1.ReasonRotatingCertificates, "until all members"},
		{"with a member away", serving(3).with(renewing, pod(1, func(p *plan.Pod) { p.Ready = false })), isTrue, v1alpha1.ReasonRotatingCertificates, "until all"},
	})
	expectVerdicts(t, ready, []judged{{"and the set is ready all the same", serving(3).with(renewing), isTrue, v1alpha1.ReasonAllMembersReady, "all 3"}})
}
