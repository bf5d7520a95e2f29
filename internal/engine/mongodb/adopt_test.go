// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"encoding/json"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
)

func handmade() *v1alpha1.Datastore {
	return &v1alpha1.Datastore{ObjectMeta: metav1.ObjectMeta{Name: "db", Namespace: "go-demo-3"}, Spec: v1alpha1.DatastoreSpec{
		Engine: v1alpha1.EngineMongoDB, Version: "8.0",
		Adopt: &v1alpha1.Adopt{ClaimTemplate: "mongo-data", SetName: "rs0", Authentication: v1alpha1.AuthenticationNone},
	}}
}

// TestAdoptable reads how servers were started by hand.
func TestAdoptable(t *testing.T) {
	for words, want := range map[string][]string{
		"mongod --replSet rs0":                                    nil,
		"mongod --replSet=rs0 --bind_ip_all":                      nil,
		"docker-entrypoint.sh mongod --replSet rs0":               nil,
		"--replSet rs0 --bind_ip 0.0.0.0 --port 27017":            nil,
		"mongod --replSet rs0 --dbpath /data/db":                  nil,
		"mongod":                                                  {"without --replSet"},
		"":                                                        {"start mongod itself"},
		"sh -c mongod":                                            {"start mongod itself"},
		"mongod --replSet rs1":                                    {"ours would be with rs0"},
		"mongod --replSet rs0 --port 27018":                       {"ours would be with 27017"},
		"mongod --replSet rs0 --dbpath /data/other":               {"ours would be with /data/db"},
		"mongod --replSet rs0 --auth --keyFile /k":                {"--auth: it has authentication, and", "--keyFile /k: it has authentication, and"},
		"mongod --replSet rs0 --noauth":                           nil,
		"mongod --replSet rs0 --transitionToAuth":                 {"finish the transition"},
		"mongod --replSet rs0 --tlsMode preferTLS":                {"a set with TLS cannot be adopted"},
		"mongod --replSet rs0 --smallfiles --noprealloc":          {"--smallfiles, which", "--noprealloc, which"},
		"mongod --replSet rs0 --wiredTigerCacheSizeGB 2":          {"--wiredTigerCacheSizeGB, which"},
		"mongod --config /etc/mongod.conf --replSet rs0 -f other": {"--config, which", "--f, which"},
	} {
		got := Engine{}.Adoptable(handmade(), corev1.Container{Command: strings.Fields(words)})
		ok := len(got) == len(want)
		for i := range want {
			ok = ok && strings.Contains(got[i], want[i])
		}
		if !ok {
			t.Errorf("%q: %q, want %q", words, got, want)
		}
	}
}

// TestVariablesThatFillAnEmptyVolumeAreNotInTheWay unless they do more than that.
func TestVariablesThatFillAnEmptyVolumeAreNotInTheWay(t *testing.T) {
	for _, c := range []struct {
		d             *v1alpha1.Datastore
		words, name   string
		known, refuse bool
	}{
		{withKeyFile(), "docker-entrypoint.sh mongod", "MONGO_INITDB_ROOT_PASSWORD", true, false},
		{handmade(), "docker-entrypoint.sh mongod", "MONGO_INITDB_ROOT_PASSWORD", true, true},
		{handmade(), "", "MONGO_INITDB_ROOT_USERNAME_FILE", true, true},
		{handmade(), "mongod", "MONGO_INITDB_ROOT_USERNAME", true, false},
		{handmade(), "", "MONGO_INITDB_DATABASE", true, false},
		{handmade(), "", "TZ", false, false},
	} {
		why, known := Engine{}.Variable(c.d, corev1.Container{Command: strings.Fields(c.words)}, c.name)
		if known != c.known || (why != "") != c.refuse {
			t.Errorf("%s of %q: %v %q", c.name, c.words, known, why)
		}
	}
}

// TestAdoptableWithAKeyFile reads how servers with authentication were started.
func TestAdoptableWithAKeyFile(t *testing.T) {
	for words, want := range map[string][]string{
		"mongod --replSet rs0 --keyFile /k":                             nil,
		"mongod --replSet rs0 --auth --keyFile=/k":                      nil,
		"mongod --replSet rs0 --clusterAuthMode keyFile --keyFile /k":   nil,
		"mongod --replSet rs0":                                          {"without --keyFile"},
		"mongod --replSet rs0 --auth":                                   {"without --keyFile"},
		"mongod --replSet rs0 --keyFile /k --noauth":                    {"it lets everybody in"},
		"mongod --replSet rs0 --keyFile /k --clusterAuthMode sendX509":  {"know each other by certificates (x509)"},
		"mongod --replSet rs0 --keyFile /k --transitionToAuth":          {"finish the transition"},
		"mongod --replSet rs0 --keyFile /k --tlsMode requireTLS":        {"a set with TLS cannot be adopted"},
		"mongod --replSet rs0 --keyFile /k --sslPEMKeyFile /etc/x.pem":  {"a set with TLS cannot be adopted"},
		"mongod --replSet rs0 --keyFile /k --config /etc/mongod.conf":   {"--config, which"},
		"docker-entrypoint.sh mongod --keyFile /k --replSet rs0 --auth": nil,
	} {
		c := corev1.Container{Command: strings.Fields(words)}
		got := Engine{}.Adoptable(withKeyFile(), c)
		ok := len(got) == len(want)
		for i := range want {
			ok = ok && strings.Contains(got[i], want[i])
		}
		if !ok {
			t.Errorf("%q: %q, want %q", words, got, want)
		}
		if files := (Engine{}).SecretFiles(c); strings.Contains(words, "--keyFile") != (files["/k"] == CredentialKeyFile) {
			t.Errorf("%q: the secrets are in %v", words, files)
		}
	}
}

func withKeyFile() *v1alpha1.Datastore {
	d := handmade()
	d.Spec.Adopt.Authentication, d.Spec.Adopt.KeyFile = v1alpha1.AuthenticationKeyFile, &v1alpha1.AdoptedKeyFile{
		SecretRef: v1alpha1.SecretKeyReference{Name: "mongo-key", Key: "keyfile"}, AdministratorSecretRef: v1alpha1.SecretReference{Name: "mongo-root"},
	}
	return d
}

// TestTheirAdministratorIsLeftAlone holds that the operator's own has another name in a
// set that was made by hand, for agents and clients alike.
func TestTheirAdministratorIsLeftAlone(t *testing.T) {
	d := withKeyFile()
	files := Engine{}.Template(d).Files
	if files[AdminFile] != UserAdopter || !strings.Contains(files[ServerFile], "authorization: enabled") || !strings.Contains(files[ServerFile], "replSetName: rs0") {
		t.Errorf("the files are %v", files)
	}
	if c := (Engine{}).Connection(d, "h", map[string][]byte{CredentialAdmin: []byte("secret")}); c.Username != UserAdopter || c.Password != "secret" {
		t.Errorf("clients are told %+v", c)
	}
	if _, there := (Engine{}).Template(handmade()).Files[AdminFile]; there || len((Engine{}).AdoptedSecrets(handmade())) > 0 {
		t.Error("an open set has an administrator")
	}
}

// TestOneAgentIsIntroduced asks a member whose server lets its agent not in, and nobody
// once one is.
func TestOneAgentIsIntroduced(t *testing.T) {
	member := func(change func(*engine.Report)) engine.MemberObservation {
		r := &engine.Report{Volume: engine.VolumeMember, Grant: engine.GrantAdopt, Server: engine.Server{Running: true, Formed: true, Facts: map[string]string{FactUsers: UsersPending}}}
		change(r)
		return engine.MemberObservation{Name: "db-2", Report: r}
	}
	ready := member(func(r *engine.Report) { r.Server.Facts[FactUsers] = UsersReady })
	ready.Name = "db-1"
	as := func(*engine.Report) {}
	for name, c := range map[string]struct {
		members []engine.MemberObservation
		asked   bool
	}{
		"it waits":                   {[]engine.MemberObservation{member(as)}, true},
		"nobody reports":             {[]engine.MemberObservation{{Name: "db-2"}}, false},
		"its server is down":         {[]engine.MemberObservation{member(func(r *engine.Report) { r.Server.Running = false })}, false},
		"its server knows no set":    {[]engine.MemberObservation{member(func(r *engine.Report) { r.Server.Formed = false })}, false},
		"it was not taken over":      {[]engine.MemberObservation{member(func(r *engine.Report) { r.Volume = engine.VolumeUnmarked })}, false},
		"it joined":                  {[]engine.MemberObservation{member(func(r *engine.Report) { r.Grant = engine.GrantJoin })}, false},
		"another one is let in":      {[]engine.MemberObservation{member(as), ready}, false},
		"another one is let in (2)":  {[]engine.MemberObservation{ready, member(as)}, false},
		"two wait, which is strange": {[]engine.MemberObservation{member(as), member(as)}, true},
	} {
		step, ok := Engine{}.Introduce(engine.Observation{Members: c.members})
		if ok != c.asked || ok && (step.Member != "db-2" || step.Cost.Disruptive() || len(step.Secrets) != 4) {
			t.Errorf("%s: %v %+v", name, ok, step)
		}
	}
}

// TestAnAdoptedSetStaysAsItIs holds that neither the name nor the lack of
// authentication of such a set changes.
func TestAnAdoptedSetStaysAsItIs(t *testing.T) {
	d := handmade()
	file := Engine{}.Template(d).Files[ServerFile]
	if strings.Contains(file, "security") || !strings.Contains(file, "replSetName: rs0") {
		t.Errorf("the servers would be started with\n%s", file)
	}
	c := Engine{}.Connection(d, "db-client.go-demo-3.svc", map[string][]byte{CredentialAdmin: []byte("secret")})
	text, err := json.Marshal(c)
	if err != nil || strings.Contains(string(text), "secret") || c.Username != "" || c.URI != "mongodb://db-client.go-demo-3.svc:27017/?replicaSet=rs0" {
		t.Errorf("clients are told %s (%v)", text, err)
	}
}
