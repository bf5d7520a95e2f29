// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/hack/toolchain"
	"github.com/quorate/quorate/test/wrappers"
)

// asProgram has the test's own binary be the program.
const asProgram = "QUORATE_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// A leader is stopped by SIGSTOP in the middle of a pass, for longer than its lease;
// another takes over and does what the user wants next. When the first one goes on,
// with all that it has read, it writes nothing.
func TestALeaderThatWasFrozenWritesNothing(t *testing.T) {
	api := startAPI(t)
	first := api.startManager(t)
	api.awaitLeader(t, "")
	leader := api.leader(t)
	d := wrappers.MakeDatastore("db").Namespace("default").Replicas(3).Obj()
	if err := api.Create(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	api.awaitSize(t, 3)
	second := api.startManager(t)
	await(t, "the second manager to stand by", func() bool { return second.asked("leases") })

	kept := first.keep()
	api.scale(t, 4)
	<-kept.read
	first.signal(t, syscall.SIGSTOP)
	first.hear() // that nothing has changed, as soon as it goes on
	api.awaitLeader(t, leader)
	api.awaitSize(t, 4)
	api.scale(t, 5)
	api.awaitSize(t, 5)

	first.signal(t, syscall.SIGCONT)
	select {
	case <-first.ended:
	case <-time.After(time.Minute):
		t.Error("the first manager goes on without its lease")
	}
	if wrote := first.writes(); len(wrote) > 0 {
		t.Errorf("the first manager wrote %q", wrote)
	}
	if len(second.writes()) == 0 {
		t.Error("the second manager was not seen to write anything, so that this proves nothing")
	}
}

// apiServer is a real one, and whoever is asked about it.
type apiServer struct {
	client.Client
	config *rest.Config
}

func startAPI(t *testing.T) *apiServer {
	t.Helper()
	assets := os.Getenv("KUBEBUILDER_ASSETS")
	if assets == "" {
		var err error
		if assets, err = toolchain.Envtest(t.Context(), os.Stderr); err != nil {
			t.Fatal(err)
		}
	}
	environment := &envtest.Environment{
		BinaryAssetsDirectory: assets, CRDDirectoryPaths: []string{"../../config/crd/bases"}, ErrorIfCRDPathMissing: true,
	}
	config, err := environment.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := environment.Stop(); err != nil {
			t.Error(err)
		}
	})
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	c, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	return &apiServer{Client: c, config: config}
}

func (a *apiServer) leader(t *testing.T) string {
	t.Helper()
	var lease coordinationv1.Lease
	if err := a.Get(t.Context(), client.ObjectKey{Namespace: "default", Name: "quorate.dev"}, &lease); client.IgnoreNotFound(err) != nil {
		t.Fatal(err)
	}
	return ptr.Deref(lease.Spec.HolderIdentity, "")
}

// awaitLeader waits for another leader.
func (a *apiServer) awaitLeader(t *testing.T, than string) {
	t.Helper()
	await(t, "another leader", func() bool { l := a.leader(t); return l != "" && l != than })
}

// awaitSize waits until a Datastore has so many pods, and its status is about that.
func (a *apiServer) awaitSize(t *testing.T, n int32) {
	t.Helper()
	key := client.ObjectKey{Namespace: "default", Name: "db"}
	await(t, fmt.Sprintf("%d pods to be wanted", n), func() bool {
		var set appsv1.StatefulSet
		var d v1alpha1.Datastore
		return a.Get(t.Context(), key, &set) == nil && ptr.Deref(set.Spec.Replicas, 0) == n &&
			a.Get(t.Context(), key, &d) == nil && d.Status.ObservedGeneration == d.Generation
	})
}

func (a *apiServer) scale(t *testing.T, n int32) {
	t.Helper()
	patch := client.RawPatch("application/merge-patch+json", fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, n))
	if err := a.Patch(t.Context(), wrappers.MakeDatastore("db").Namespace("default").Obj(), patch); err != nil {
		t.Fatal(err)
	}
}

// process is a manager in a process of its own, and the line from it to the API
// server.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}

	mu    sync.Mutex
	gets  []string
	wrote []string
	kept  *kept
}

// kept are answers that are kept back.
type kept struct {
	once       sync.Once
	read, goOn chan struct{}
}

func (a *apiServer) startManager(t *testing.T) *process {
	t.Helper()
	p := &process{ended: make(chan struct{})}
	target, err := url.Parse(a.config.Host)
	if err != nil {
		t.Fatal(err)
	}
	transport, err := rest.TransportFor(a.config)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:     transport,
		FlushInterval: -1,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.serve(w, r, proxy)
	}))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	access := clientcmdapi.NewConfig()
	access.Clusters["x"] = &clientcmdapi.Cluster{Server: server.URL}
	access.Contexts["x"] = &clientcmdapi.Context{Cluster: "x"}
	access.CurrentContext = "x"
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*access, kubeconfig); err != nil {
		t.Fatal(err)
	}
	p.cmd = exec.Command(os.Args[0], "manager", "--leader-elect", "--leader-election-lease-duration=3s",
		"--namespace=default", "--agent-image=quorate/quorate:test", "--metrics-bind-address=0", "--health-probe-bind-address=0")
	p.cmd.Env = append(os.Environ(), asProgram+"=1", "KUBECONFIG="+kubeconfig)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var log strings.Builder
	p.cmd.Stdout, p.cmd.Stderr = &log, &log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // it is killed at the end, or ends without its lease
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // unless it has ended
		<-p.ended
		if t.Failed() {
			t.Logf("a manager said:\n%s", log.String())
		}
	})
	return p
}

// serve notes a request and has the API server answer it. The answer about the Datastore
// is kept back while that is asked for.
func (p *process) serve(w http.ResponseWriter, r *http.Request, api http.Handler) {
	line := r.Method + " " + r.URL.Path
	p.mu.Lock()
	switch {
	case r.Method == http.MethodGet:
		p.gets = append(p.gets, line)
	case !strings.Contains(line, "/leases") && !strings.Contains(line, "/events"):
		p.wrote = append(p.wrote, line)
	}
	kept := p.kept
	p.mu.Unlock()
	if kept == nil || r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, "/datastores/db") {
		api.ServeHTTP(w, r)
		return
	}
	answer := httptest.NewRecorder()
	api.ServeHTTP(answer, r)
	kept.once.Do(func() { close(kept.read) })
	select {
	case <-kept.goOn:
	case <-r.Context().Done():
	}
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes()) // whom it does not reach has ended
}

// keep keeps the last word about the Datastore, before anything is made for it, from
// reaching the manager, which stays in the
// middle of a pass.
func (p *process) keep() *kept {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kept = &kept{read: make(chan struct{}), goOn: make(chan struct{})}
	return p.kept
}

// hear lets what was kept back go, and counts from now on.
func (p *process) hear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.kept.goOn)
	p.kept, p.wrote = nil, nil
}

func (p *process) writes() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.wrote)
}

func (p *process) asked(resource string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.gets, func(g string) bool { return strings.Contains(g, "/"+resource) })
}

func (p *process) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for !so() {
		select {
		case <-ctx.Done():
			t.Fatalf("waited for a minute for %s", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
