// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package mongod

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/mongodb"
	"github.com/quorate/quorate/internal/engine/mongodb/wire"
)

// TestAnOpenServerIsAskedByNobody holds that the servers of a set which was made by
// hand without authentication are asked by nobody in particular.
func TestAnOpenServerIsAskedByNobody(t *testing.T) {
	d := &v1alpha1.Datastore{}
	d.Name, d.Spec.Engine, d.Spec.Version = "db", v1alpha1.EngineMongoDB, "8.0"
	d.Spec.Adopt = &v1alpha1.Adopt{ClaimTemplate: "mongo-data", SetName: "rs0", Authentication: v1alpha1.AuthenticationNone}
	file := mongodb.Engine{}.Template(d).Files[mongodb.ServerFile]
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, mongodb.ServerFile), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	l := newLocal(engine.LocalConfig{Member: "db-0", ConfigDir: dir, SecretDir: dir}, "127.0.0.1:1")
	if !l.open() || l.agent() != (wire.Login{}) || l.setName() != "rs0" {
		t.Errorf("open %v, login %+v, set %s", l.open(), l.agent(), l.setName())
	}
	d.Spec.Adopt = nil
	if err := os.WriteFile(filepath.Join(dir, mongodb.ServerFile), []byte(mongodb.Engine{}.Template(d).Files[mongodb.ServerFile]), 0o600); err != nil {
		t.Fatal(err)
	}
	if l.open() || l.agent().User != mongodb.UserAgent || l.setName() != "db" {
		t.Errorf("not adopted: open %v, login %+v, set %s", l.open(), l.agent(), l.setName())
	}
	if err := l.Release(engine.Marker{Grant: engine.Grant{Kind: engine.GrantAdopt}, Formed: true}); err != nil || l.mayForm() || !l.adopted() {
		t.Errorf("who was adopted may form: %v (%v)", l.mayForm(), err)
	}
}
