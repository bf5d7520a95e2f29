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
		"mongod --replSet rs0 --auth --keyFile /k":                {"with authentication", "with authentication"},
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
