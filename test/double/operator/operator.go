// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

// Package operator runs the real manager's controller inside a test, behind a
// wire to the API server and a line to the members that can both be cut.
package operator

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/quorate/quorate/internal/controller"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/cassandra/node"
	"github.com/quorate/quorate/internal/engine/consul/consulagent"
	"github.com/quorate/quorate/internal/engine/mongodb/mongod"
	"github.com/quorate/quorate/test/double/members"
	"github.com/quorate/quorate/test/double/wire"
)

// Options of one operator.
type Options struct {
	Config *rest.Config
	Scheme *runtime.Scheme
	World  *members.World
	// Mapper spares each operator the discovery; nil has it done.
	Mapper meta.RESTMapper
	// Namespaces are the ones that it sees; none means all.
	Namespaces []string
	// Wire and Line are made where they are nil.
	Wire *wire.Wire
	Line *members.Line
	// AgentImage is that of new pods.
	AgentImage string
	// Client wraps what the controller reads its cache and writes through; nil
	// leaves it as it is.
	Client func(client.Client) client.Client
	// Metrics are those of the controller; nil has none be read.
	Metrics *controller.Metrics
	// Kit is the engine that stands for Consul; nil for Consul itself.
	Kit *engine.Kit
	// Settings changes the settings; nil leaves them as they are.
	Settings func(*controller.Settings)
	// CacheSecrets has Secrets read as all else is. It breaks law 11, for the test of that.
	CacheSecrets bool
}

// Operator is a running manager.
type Operator struct {
	Wire *wire.Wire
	Line *members.Line

	stop  context.CancelFunc
	ended chan struct{}
	once  sync.Once
	err   error
}

// Start runs a manager until it is stopped or killed.
func Start(ctx context.Context, o Options) (*Operator, error) {
	op := &Operator{Wire: o.Wire, Line: o.Line, ended: make(chan struct{})}
	if op.Wire == nil {
		op.Wire = &wire.Wire{}
	}
	if op.Line == nil {
		op.Line = o.World.Line()
	}
	caches := controller.CacheOptions()
	if len(o.Namespaces) > 0 {
		caches.DefaultNamespaces = map[string]cache.Config{}
		for _, n := range o.Namespaces {
			caches.DefaultNamespaces[n] = cache.Config{}
		}
	}
	reads := controller.ClientOptions()
	if o.CacheSecrets {
		reads = client.Options{}
	}
	discovered := apiutil.NewDynamicRESTMapper
	if o.Mapper != nil {
		discovered = func(*rest.Config, *http.Client) (meta.RESTMapper, error) { return o.Mapper, nil }
	}
	mgr, err := ctrl.NewManager(op.Wire.Config(o.Config), ctrl.Options{
		Scheme:                  o.Scheme,
		MapperProvider:          discovered,
		Metrics:                 metricsserver.Options{BindAddress: "0"},
		Cache:                   caches,
		Controller:              config.Controller{SkipNameValidation: ptr.To(true)},
		GracefulShutdownTimeout: ptr.To(5 * time.Second),
		Client:                  reads,
	})
	if err != nil {
		return nil, fmt.Errorf("make the manager: %w", err)
	}
	kits := []engine.Kit{consulagent.Kit(), mongod.Kit(), node.Kit()}
	if o.Kit != nil {
		kits = []engine.Kit{*o.Kit}
	}
	engines, err := engine.NewRegistry(kits...)
	if err != nil {
		return nil, fmt.Errorf("register the engines: %w", err)
	}
	r := &controller.Reconciler{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Engines: engines, Connect: op.Line.Connect,
		Recorder: mgr.GetEventRecorder("quorate"), Settings: settings(o), Now: time.Now,
		Metrics: o.Metrics,
	}
	if o.Client != nil {
		r.Client = o.Client(r.Client)
	}
	if err := r.SetupWithManager(mgr); err != nil {
		return nil, fmt.Errorf("set up the controller: %w", err)
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	op.stop = stop
	go func() {
		defer close(op.ended)
		op.err = mgr.Start(run)
	}()
	return op, nil
}

func settings(o Options) controller.Settings {
	s := controller.Settings{
		AgentImage: o.AgentImage, ClusterDomain: "cluster.local", Namespace: "quorate-system",
		// A tenth of what the manager has by default: most tests wait for the status.
		StatusEvery: 200 * time.Millisecond, Resync: 10 * time.Minute, BurnIn: 10 * time.Minute, Concurrency: 4,
	}
	if s.AgentImage == "" {
		s.AgentImage = "quorate/quorate:test"
	}
	if o.Settings != nil {
		o.Settings(&s)
	}
	return s
}

// Stop ends the manager in good order.
func (o *Operator) Stop() error {
	o.once.Do(func() {
		o.stop()
		<-o.ended
	})
	return o.err
}

// Kill ends the manager as SIGKILL would: from now on nothing that it does has
// any effect. It returns at once; Stop waits for the rest.
func (o *Operator) Kill() {
	o.Wire.Cut()
	o.Line.Cut()
	o.stop()
}
