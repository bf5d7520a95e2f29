// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package consulagent

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/consul"
	"github.com/quorate/quorate/internal/engine/consul/wire"
)

// process is a server that reads the reloadable file when it starts and when it
// is told to, unless it refuses what is in it.
type process struct {
	*fake
	l       *local
	has     wire.Shown
	refuses string
	told    int
}

func newProcess(t *testing.T, config string) *process {
	f, l := newFake(t)
	p := &process{fake: f, l: l}
	if err := os.WriteFile(l.reloadPath(), []byte(reloadable(config)), 0o600); err != nil {
		t.Fatal(err)
	}
	f.answers["/v1/agent/self"] = func(w http.ResponseWriter) {
		self := strings.TrimSuffix(selfJSON("id-0", "Leader", 4, 7, 90), "}")
		_, _ = fmt.Fprintf(w, `%s,"DebugConfig":{"Logging":{"LogLevel":%q,"SyslogFacility":%q}}}`, self, p.has.Level, p.has.Mark)
	}
	f.answers["/v1/agent/reload"] = func(w http.ResponseWriter) {
		p.told++
		content, err := os.ReadFile(l.reloadPath())
		if err != nil || (p.refuses != "" && strings.Contains(string(content), p.refuses)) {
			http.Error(w, "refused", http.StatusInternalServerError)
			return
		}
		p.start(t)
	}
	p.start(t)
	return p
}

// start reads the file.
func (p *process) start(t *testing.T) {
	content, err := os.ReadFile(p.l.reloadPath())
	if err != nil {
		t.Fatal(err)
	}
	if p.has, err = readShown(content); err != nil {
		t.Fatal(err)
	}
}

func reloadable(config string) string {
	return consul.Engine{}.Template(datastore(config)).Reloadable[consul.ReloadFile]
}

func hashOf(config string) string {
	return engine.SettingsHash(consul.Engine{}.Template(datastore(config)).Reloadable)
}

func (p *process) reload(t *testing.T, config string) error {
	t.Helper()
	return p.l.Do(t.Context(), engine.Step{Kind: engine.StepReload, Member: "db-0",
		Params: consul.Engine{}.Template(datastore(config)).Reloadable})
}

const (
	quiet = `{"log_level":"WARN"}`
	loud  = `{"log_level":"debug","node_meta":{"rack":"a"}}`
)

func TestReload(t *testing.T) {
	p := newProcess(t, quiet)
	if got := observe(t, p.l).Settings; got != hashOf(quiet) {
		t.Errorf("a server that was just started has the settings %q, want %q", got, hashOf(quiet))
	}
	for _, config := range []string{loud, "", quiet} {
		if err := p.reload(t, config); err != nil {
			t.Fatal(err)
		}
		if got := observe(t, p.l).Settings; got != hashOf(config) {
			t.Errorf("after a reload it has the settings %q, want %q", got, hashOf(config))
		}
	}
}

// Between the file and its reload nothing is claimed, and a server that starts
// then has the file.
func TestReloadCutOff(t *testing.T) {
	p := newProcess(t, quiet)
	p.answers["/v1/agent/reload"] = func(http.ResponseWriter) { panic(http.ErrAbortHandler) }
	if err := p.reload(t, loud); err == nil {
		t.Fatal("a reload that was cut off is called done")
	}
	if got := observe(t, p.l).Settings; got != "" {
		t.Errorf("it is said to have %q", got)
	}
	p.start(t)
	if got := observe(t, p.l).Settings; got != hashOf(loud) {
		t.Errorf("once started again it has %q, want %q", got, hashOf(loud))
	}
}

// A server that accepts a reload and goes on with what it had is found out.
func TestReloadNotTakenUp(t *testing.T) {
	for what, change := range map[string]func(*process){
		"all of it": func(*process) {},
		"the level": func(p *process) { p.has.Mark = readMarkOf(loud) },
	} {
		p := newProcess(t, quiet)
		p.answers["/v1/agent/reload"] = func(http.ResponseWriter) { change(p) }
		if err := p.reload(t, loud); err == nil || !strings.Contains(err.Error(), "runs with others") {
			t.Errorf("%s: got %v", what, err)
		}
		if got := observe(t, p.l).Settings; got != "" {
			t.Errorf("%s: it is said to have %q", what, got)
		}
	}
}

func readMarkOf(config string) string {
	got, err := readShown([]byte(reloadable(config)))
	if err != nil {
		panic(err)
	}
	return got.Mark
}

// What Consul refuses is not what a server finds when it starts again.
func TestReloadRefused(t *testing.T) {
	p := newProcess(t, quiet)
	for range 2 {
		p.refuses = "rack"
		if err := p.reload(t, loud); err == nil {
			t.Fatal("a refused reload is called done")
		}
		content, err := os.ReadFile(p.l.reloadPath())
		if err != nil || strings.Contains(string(content), "rack") || !strings.Contains(string(content), "WARN") {
			t.Errorf("the file is %s: %v", content, err)
		}
		if p.has.Level != "WARN" || p.told != 2 {
			t.Errorf("it runs with %+v after %d reloads", p.has, p.told)
		}
		if got := observe(t, p.l).Settings; got == hashOf(quiet) || got == hashOf(loud) {
			t.Errorf("it is said to have %q", got)
		}
		p.told = 0
	}
	// It took up a part and then nothing more: that is not what it had before.
	p.refuses = "log_level"
	if err := p.reload(t, loud); err == nil {
		t.Fatal("a refused reload is called done")
	}
	if got := observe(t, p.l).Settings; got != "" {
		t.Errorf("it is said to have %q", got)
	}
	p.refuses = ""
	if err := p.reload(t, quiet); err != nil || observe(t, p.l).Settings != hashOf(quiet) {
		t.Errorf("it does not come back: %v", err)
	}
}

func TestReloadTakesNothingElse(t *testing.T) {
	for what, params := range map[string]map[string]string{
		"nothing":              nil,
		"another file":         {consul.ServerFile: "{}"},
		"one more file":        {consul.ReloadFile: reloadable(loud), "../escape.json": "{}"},
		"no JSON":              {consul.ReloadFile: "log_level = 3"},
		"a file without marks": {consul.ReloadFile: "{}"},
	} {
		p := newProcess(t, quiet)
		err := p.l.Do(t.Context(), engine.Step{Kind: engine.StepReload, Member: "db-0", Params: params})
		if err == nil || p.told > 0 || observe(t, p.l).Settings != hashOf(quiet) {
			t.Errorf("%s: got %v after %d reloads", what, err, p.told)
		}
	}
	p := newProcess(t, quiet)
	if err := os.Remove(p.l.reloadPath()); err != nil {
		t.Fatal(err)
	}
	if err := p.reload(t, loud); err == nil || !strings.Contains(err.Error(), "has to be replaced") {
		t.Errorf("without a file before: got %v", err)
	}
}
