// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package initialize

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/quorate/quorate/internal/agent/hold"
	"github.com/quorate/quorate/internal/agent/settings"
	"github.com/quorate/quorate/internal/engine"
)

// fake is an engine that renders what it is given.
type fake struct {
	engine.Engine
	engine.Renderer
	stable bool
	files  map[string][]byte
	inputs []engine.MemberInput
}

func (f *fake) Traits() engine.Traits { return engine.Traits{StableAddress: f.stable} }

func (f *fake) Member(in engine.MemberInput) (map[string][]byte, error) {
	f.inputs = append(f.inputs, in)
	return f.files, nil
}

func (f *fake) HoldsData(names []string) bool { return slices.Contains(names, "raft") }

type bench struct {
	t *testing.T
	settings.Settings
	fake   *fake
	binary string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, fake: &fake{files: map[string][]byte{"member.json": []byte("m"), "deep/er.json": []byte("d")}}}
	b.Settings = settings.Settings{
		Member: "db-2", ClusterID: "c", PodUID: "p", PodIP: "10.1.2.3", Host: "db-2.db.ns.svc",
		DataDir: t.TempDir(), ConfigDir: t.TempDir(), RunDir: t.TempDir(), SecretDir: t.TempDir(), SharedDir: t.TempDir(),
	}
	b.binary = filepath.Join(t.TempDir(), "program")
	b.write(b.binary, "program")
	b.write(filepath.Join(b.SharedDir, "file.server.json"), "s")
	b.write(filepath.Join(b.SharedDir, "addresses.json"), "{}")
	b.write(filepath.Join(b.SharedDir, "other"), "o")
	for _, name := range []string{"ca.crt", "tls.crt", "tls.key", "gossip"} {
		b.write(filepath.Join(b.SecretDir, name), name)
	}
	return b
}

func (b *bench) write(path, content string) {
	b.t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) run(ctx context.Context) error {
	return Run(ctx, b.Settings, engine.Kit{Engine: b.fake, Renderer: b.fake}, b.binary, slog.New(slog.DiscardHandler))
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// file expects content and mode of a file.
func (b *bench) file(path, content string, mode fs.FileMode) {
	b.t.Helper()
	got, err := os.ReadFile(path)
	b.must(err)
	info, err := os.Stat(path)
	b.must(err)
	if string(got) != content || info.Mode().Perm() != mode {
		b.t.Errorf("%s holds %q with mode %v; want %q, %v", path, got, info.Mode().Perm(), content, mode)
	}
}

func (b *bench) config(want ...string) {
	b.t.Helper()
	var got []string
	b.must(filepath.WalkDir(b.ConfigDir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(b.ConfigDir, path)
			got = append(got, rel)
		}
		return err
	}))
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		b.t.Errorf("the configuration volume holds %v, want %v", got, want)
	}
}

func (b *bench) held() {
	b.t.Helper()
	held, err := hold.Dir(b.RunDir).Held()
	b.must(err)
	if !held {
		b.t.Error("the server is not held back")
	}
}

func TestRunWritesWhatTheServerReads(t *testing.T) {
	b := newBench(t)
	b.must(b.run(t.Context()))
	b.held()
	b.file(filepath.Join(b.RunDir, "quorate"), "program", 0o555)
	b.file(filepath.Join(b.ConfigDir, "server.json"), "s", 0o440)
	b.file(filepath.Join(b.ConfigDir, "member.json"), "m", 0o400)
	b.file(filepath.Join(b.ConfigDir, "deep", "er.json"), "d", 0o400)
	b.config("server.json", "member.json", "deep/er.json")
	in := b.fake.inputs[0]
	if in.Host != "db-2.db.ns.svc" {
		t.Errorf("the name in DNS is %q", in.Host)
	}
	if in.Name != "db-2" || in.Ordinal != 2 || in.PodIP != "10.1.2.3" || in.ClusterID != "c" || in.Address != "" {
		t.Errorf("input %+v", in)
	}
	if len(in.Secrets) != 1 || string(in.Secrets["gossip"]) != "gossip" {
		t.Errorf("secrets %v", in.Secrets)
	}
	if len(in.Shared) != 1 || string(in.Shared["server.json"]) != "s" {
		t.Errorf("shared files %v", in.Shared)
	}
}

func TestRunAgainComesToTheSameEnd(t *testing.T) {
	b := newBench(t)
	b.must(b.run(t.Context()))
	// What the pod did meanwhile.
	b.must(hold.Dir(b.RunDir).Lift())
	b.write(filepath.Join(b.ConfigDir, "form.json"), "released by an agent")
	b.must(os.Remove(filepath.Join(b.SharedDir, "file.server.json")))
	b.write(filepath.Join(b.SharedDir, "file.other.json"), "n")
	b.fake.files = map[string][]byte{"member.json": []byte("new")}
	b.write(b.binary, "program, newer")
	b.must(b.run(t.Context()))
	b.held()
	b.config("other.json", "member.json")
	b.file(filepath.Join(b.ConfigDir, "member.json"), "new", 0o400)
	b.file(filepath.Join(b.RunDir, "quorate"), "program, newer", 0o555)
}

func TestRunWaitsForItsAddress(t *testing.T) {
	b := newBench(t)
	b.fake.stable = true
	ended := make(chan error, 1)
	go func() { ended <- b.run(t.Context()) }()
	addresses := filepath.Join(b.SharedDir, "addresses.json")
	for _, text := range []string{`{"db-0":"10.96.0.1"}`, `{"db-0":"10.96.0.1","db-2":"None"}`, `{"db-0":"10.96.0.1","db-2":""}`} {
		b.write(addresses+".new", text)
		b.must(os.Rename(addresses+".new", addresses))
		select {
		case err := <-ended:
			t.Fatalf("went on with %s: %v", text, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
	b.write(addresses+".new", `{"db-0":"10.96.0.1","db-1":"None","db-2":"fd00::2"}`)
	b.must(os.Rename(addresses+".new", addresses))
	select {
	case err := <-ended:
		b.must(err)
	case <-time.After(10 * time.Second):
		t.Fatal("the address was not seen")
	}
	in := b.fake.inputs[0]
	if in.Address != "fd00::2" || len(in.Addresses) != 2 || in.Addresses["db-0"] != "10.96.0.1" {
		t.Errorf("input %+v", in)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	b := newBench(t)
	b.fake.stable = true
	b.must(os.Remove(filepath.Join(b.SharedDir, "addresses.json")))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := b.run(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	b.held()
}

func TestRunNotesDownARefusedVolume(t *testing.T) {
	note := func(b *bench) string {
		text, err := os.ReadFile(filepath.Join(b.RunDir, "refused"))
		if errors.Is(err, fs.ErrNotExist) {
			return ""
		}
		b.must(err)
		return string(text)
	}
	for name, spoil := range map[string]func(*bench){
		"data without a marker": func(b *bench) { b.must(os.Mkdir(filepath.Join(b.DataDir, "raft"), 0o700)) },
		"another set's marker": func(b *bench) {
			b.write(filepath.Join(b.DataDir, ".quorate.json"), `{"version":1,"member":"db-2","grant":{"kind":"Form","clusterID":"other"}}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			spoil(b)
			b.must(b.run(t.Context()))
			b.held()
			b.config()
			if note(b) == "" {
				t.Error("no note")
			}
			for _, name := range []string{"raft", ".quorate.json"} {
				b.must(os.RemoveAll(filepath.Join(b.DataDir, name)))
			}
			b.must(b.run(t.Context()))
			if got := note(b); got != "" {
				t.Errorf("the note %q outlived its reason", got)
			}
			b.config("server.json", "member.json", "deep/er.json")
		})
	}
}

func TestRunRefuses(t *testing.T) {
	for name, spoil := range map[string]func(*bench){
		"a path out of the volume":     func(b *bench) { b.fake.files = map[string][]byte{"../x": nil} },
		"an absolute path":             func(b *bench) { b.fake.files = map[string][]byte{"/x": nil} },
		"a file that is shared":        func(b *bench) { b.fake.files = map[string][]byte{"server.json": nil} },
		"a pod without an ordinal":     func(b *bench) { b.Member = "db" },
		"a configuration in the data":  func(b *bench) { b.ConfigDir = filepath.Join(b.DataDir, "config"); b.must(os.Mkdir(b.ConfigDir, 0o700)) },
		"the data in a configuration":  func(b *bench) { b.DataDir = filepath.Join(b.ConfigDir, "data"); b.must(os.Mkdir(b.DataDir, 0o700)) },
		"one volume for both":          func(b *bench) { b.ConfigDir = b.DataDir },
		"a volume that is not there":   func(b *bench) { b.DataDir += "x" },
		"secrets that are not there":   func(b *bench) { b.SecretDir += "x" },
		"a program that is not there":  func(b *bench) { b.binary += "x" },
		"addresses that are no object": func(b *bench) { b.fake.stable = true; b.write(filepath.Join(b.SharedDir, "addresses.json"), "[]") },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.write(filepath.Join(b.DataDir, "precious"), "p")
			spoil(b)
			err := b.run(t.Context())
			if err == nil || strings.TrimSpace(err.Error()) == "" {
				t.Errorf("error %v", err)
			}
			b.held()
		})
	}
}

func TestDataIsNeverEmptiedForConfiguration(t *testing.T) {
	b := newBench(t)
	b.write(filepath.Join(b.DataDir, "precious"), "p")
	b.ConfigDir = b.DataDir
	if err := b.run(t.Context()); err == nil {
		t.Error("no error")
	}
	b.file(filepath.Join(b.DataDir, "precious"), "p", 0o600)
}
