// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/quorate/quorate/api/v1alpha1"
	agentclient "github.com/quorate/quorate/internal/agent/client"
	"github.com/quorate/quorate/internal/controller"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/fleet"
	"github.com/quorate/quorate/internal/lease"
	"github.com/quorate/quorate/internal/scrape"
)

// managerOptions are the flags of the manager.
type managerOptions struct {
	metrics       scrape.Settings
	probeAddress  string
	leaderElect   bool
	leaseDuration time.Duration
	settings      controller.Settings
	zap           zap.Options
}

// renewDeadline is how long a leader goes on that cannot renew its lease: well before
// another may take it, in the proportions that controller-runtime has by default.
func (o managerOptions) renewDeadline() time.Duration { return o.leaseDuration * 2 / 3 }

func newManagerCommand(engines *engine.Registry) *cobra.Command {
	var o managerOptions
	cmd := &cobra.Command{
		Use:   "manager",
		Short: "Run the operator",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runManager(cmd.Context(), o, engines)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.metrics.Address, "metrics-bind-address", ":8443", "address for metrics, or 0 for none")
	f.BoolVar(&o.metrics.Secure, "metrics-secure", true, "serve metrics over HTTPS, to whom the cluster lets read them; else in plain HTTP, to everybody")
	f.StringVar(&o.metrics.CertFolder, "metrics-cert-path", "", "folder with tls.crt and tls.key for metrics (default a certificate of the manager's own)")
	f.StringVar(&o.probeAddress, "health-probe-bind-address", ":8081", "address for the kubelet's probes")
	f.BoolVar(&o.leaderElect, "leader-elect", false, "have only one of several managers act")
	f.DurationVar(&o.leaseDuration, "leader-election-lease-duration", 15*time.Second, "how long a leader that is silent keeps its lease")
	f.StringVar(&o.settings.AgentImage, "agent-image", "", "image of init container and agent in the pods of members (default that of the manager's own pod)")
	f.StringVar(&o.settings.ClusterDomain, "cluster-domain", "cluster.local", "DNS domain of the cluster")
	f.StringVar(&o.settings.Namespace, "namespace", os.Getenv("POD_NAMESPACE"), "namespace that the manager runs in")
	f.DurationVar(&o.settings.StatusEvery, "status-interval", 3*time.Second, "how long detail in the status must last before it is written")
	f.DurationVar(&o.settings.Resync, "resync", 10*time.Minute, "how often a Datastore at rest is looked at all the same")
	f.DurationVar(&o.settings.BurnIn, "burn-in", 10*time.Minute, "how long the servers have to have run a new release before it is made final, after which there is no way back")
	f.IntVar(&o.settings.Concurrency, "concurrency", 16, "how many Datastores are reconciled at once")
	return cmd
}

// runManager runs until it is told to stop or loses its lease.
//
// The lease is given back at the end, so that a successor need not wait for it
// to run out; the process ends right after, as that requires.
func runManager(ctx context.Context, o managerOptions, engines *engine.Registry) error {
	ctrl.SetLogger(zap.New(zap.UseFlagOptions(&o.zap)))
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return fmt.Errorf("register API types: %w", err)
		}
	}
	served, err := o.metrics.Options()
	if err != nil {
		return err
	}
	config, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("find the cluster: %w", err)
	}
	// The API server's own priority and fairness bounds us; a client-side limit
	// would only delay a formation.
	config.QPS = -1
	if o.settings.AgentImage == "" {
		stop, err := answerProbes(ctx, o.probeAddress)
		if err != nil {
			return err
		}
		o.settings.AgentImage, err = ownImage(ctx, config)
		stop()
		if err != nil {
			return err
		}
	}
	if o.leaderElect {
		config.Wrap(lease.NewGuard(o.renewDeadline()).Wrap)
	}
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:                        scheme,
		Metrics:                       served,
		HealthProbeBindAddress:        o.probeAddress,
		LeaderElection:                o.leaderElect,
		LeaderElectionID:              "quorate.dev",
		LeaderElectionNamespace:       o.settings.Namespace,
		LeaderElectionReleaseOnCancel: true,
		LeaseDuration:                 &o.leaseDuration,
		RenewDeadline:                 ptr.To(o.renewDeadline()),
		RetryPeriod:                   ptr.To(o.leaseDuration * 2 / 15),
		Cache:                         controller.CacheOptions(),
		Client:                        controller.ClientOptions(),
	})
	if err != nil {
		return fmt.Errorf("make the manager: %w", err)
	}
	told := controller.NewMetrics(time.Now)
	metrics.Registry.MustRegister(told) // once in a process
	r := &controller.Reconciler{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Engines: engines, Settings: o.settings, Now: time.Now,
		Recorder: mgr.GetEventRecorder("quorate"),
		Connect:  connect, Metrics: told,
	}
	if err := r.SetupWithManager(mgr); err != nil {
		return fmt.Errorf("set up the controller: %w", err)
	}
	if err := mgr.AddHealthzCheck("healthz", healthz.Ping); err != nil {
		return fmt.Errorf("add the liveness check: %w", err)
	}
	if err := mgr.AddReadyzCheck("readyz", healthz.Ping); err != nil {
		return fmt.Errorf("add the readiness check: %w", err)
	}
	if err := mgr.Start(ctx); err != nil {
		return fmt.Errorf("run the manager: %w", err)
	}
	return nil
}

// answerProbes answers the kubelet's probes for a manager that is not ready yet, until
// the returned function is called. One that ended because there is no API server
// would be restarted after longer and longer pauses, and be away for minutes after
// the API server is back, or when it next ends.
func answerProbes(ctx context.Context, address string) (stop func(), err error) {
	if address == "0" {
		return func() {}, nil // as for the manager: no probes
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for probes: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "waits for the API server", http.StatusServiceUnavailable)
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Second}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(listener) // which ends with an error always
	}()
	return func() {
		_ = server.Close() // frees the port for the manager's own
		<-ended
	}, nil
}

// ownImage is the image of the manager's own pod, so that whoever installs the
// operator names it once. It waits for the API server, and for the right to ask.
func ownImage(ctx context.Context, config *rest.Config) (string, error) {
	namespace, name := os.Getenv("POD_NAMESPACE"), os.Getenv("POD_NAME")
	if namespace == "" || name == "" {
		return "", errors.New("--agent-image must name the image of this program, since POD_NAMESPACE and POD_NAME do not say which pod it runs in")
	}
	c, err := kubernetes.NewForConfig(config)
	if err != nil {
		return "", fmt.Errorf("look up the manager's own image: %w", err)
	}
	var pod *corev1.Pod
	var failed error
	err = wait.PollUntilContextCancel(ctx, time.Second, true, func(ctx context.Context) (bool, error) {
		before := failed
		pod, failed = c.CoreV1().Pods(namespace).Get(ctx, name, metav1.GetOptions{})
		if failed != nil && before == nil {
			ctrl.Log.Error(failed, "look up the manager's own image; this is repeated until it succeeds")
		}
		return failed == nil, nil
	})
	if err != nil {
		return "", fmt.Errorf("look up the manager's own image: %w", errors.Join(err, failed))
	}
	for _, c := range pod.Spec.Containers {
		if c.Name == "manager" {
			return c.Image, nil
		}
	}
	return "", fmt.Errorf("look up the manager's own image: pod %s has no container named manager", name)
}

// connect makes the client for the agents of one datastore.
func connect(id fleet.Identity) (fleet.Client, error) {
	identity, err := agentclient.Identity([]byte(id.CA), []byte(id.Cert), []byte(id.Key))
	if err != nil {
		return nil, fmt.Errorf("read the manager's pair: %w", err)
	}
	return agentclient.New(nil, identity), nil
}
