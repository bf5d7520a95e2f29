// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"fmt"
	"math"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"github.com/quorate/quorate/internal/agent/protocol"
	"github.com/quorate/quorate/internal/agent/settings"
)

// Names of the containers of a member's pod.
const (
	ServerContainer = "server"
	AgentContainer  = "quorate-agent"
	InitContainer   = "quorate-init"
)

const (
	// imageBinary is the program in our own image.
	imageBinary = "/quorate"
	// sharedBinary is init's copy of it, for the server's container.
	sharedBinary = settings.RunDir + "/" + settings.BinaryName
	// agentPortName and probePortName are shown by kubectl; nothing looks the
	// ports up by them.
	agentPortName = "quorate-agent"
	probePortName = "quorate-probe"
	// startFailures is never reached at one probe a second. If it were, the
	// kubelet would restart an agent that rightly holds its server back.
	startFailures = math.MaxInt32
	// readyPeriod and readyFailures say how soon a member that no longer serves
	// is taken off the client Service, in seconds and probes.
	readyPeriod   = 1
	readyFailures = 2
	probeTimeout  = 3
)

// initContainer writes the member's configuration and copies the program to
// where the server's container finds it.
func (b Builder) initContainer() corev1.Container {
	return b.own(InitContainer, "init")
}

// agentContainer is a native sidecar: it starts before the server and stops
// after it. Its startup probe is the gate. It has no liveness probe: a restart
// of the agent mends nothing that its own process would not, and while it is
// gone nobody hands over the leadership.
func (b Builder) agentContainer() corev1.Container {
	c := b.own(AgentContainer, "agent")
	c.RestartPolicy = ptr.To(corev1.ContainerRestartPolicyAlways)
	c.Ports = []corev1.ContainerPort{
		{Name: agentPortName, ContainerPort: protocol.Port, Protocol: corev1.ProtocolTCP},
		{Name: probePortName, ContainerPort: protocol.ProbePort, Protocol: corev1.ProtocolTCP},
	}
	c.StartupProbe = probe(protocol.StartPath)
	c.StartupProbe.PeriodSeconds = 1
	c.StartupProbe.FailureThreshold = startFailures
	return c
}

// own is a container of our image. It has requests and limits of its own, so
// that the pod is admitted where a ResourceQuota asks for both. The CPU limit
// leaves room for the start, which every member's start waits for.
func (b Builder) own(name, command string) corev1.Container {
	return corev1.Container{
		Name:    name,
		Image:   b.in.AgentImage,
		Command: []string{imageBinary, command},
		Env:     b.ownEnv(),
		Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{
				corev1.ResourceCPU:    apiresource.MustParse("10m"),
				corev1.ResourceMemory: apiresource.MustParse("32Mi"),
			},
			Limits: corev1.ResourceList{
				corev1.ResourceCPU:    apiresource.MustParse("500m"),
				corev1.ResourceMemory: apiresource.MustParse("128Mi"),
			},
		},
		VolumeMounts:             b.ownMounts(),
		SecurityContext:          containerSecurity(),
		TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
	}
}

// ownEnv is the contract with package settings.
func (b Builder) ownEnv() []corev1.EnvVar {
	out := []corev1.EnvVar{
		{Name: settings.EnvEngine, Value: string(b.d.Spec.Engine)},
		{Name: settings.EnvDatastore, Value: b.d.Name},
		{Name: settings.EnvClusterID, Value: b.in.ClusterID},
		{Name: settings.EnvDataDir, Value: b.template.DataDir},
		{Name: settings.EnvConfigDir, Value: b.template.ConfigDir},
		fieldEnv(settings.EnvPodName, "metadata.name"),
		fieldEnv(settings.EnvPodNamespace, "metadata.namespace"),
		fieldEnv(settings.EnvPodUID, "metadata.uid"),
		fieldEnv(settings.EnvPodIP, "status.podIP"),
	}
	if len(b.layout.Racks()) > 0 {
		out = append(out, fieldEnv(settings.EnvRack, "metadata.labels['"+RackLabel+"']"))
	}
	if b.d.Spec.Adopt != nil {
		out = append(out, corev1.EnvVar{Name: settings.EnvAdopts, Value: "true"})
	}
	if b.traits.StableAddress {
		return out
	}
	return append(out, corev1.EnvVar{
		Name: settings.EnvHost, Value: fmt.Sprintf("$(%s).%s", settings.EnvPodName, b.host(HeadlessName(b.d.Name))),
	})
}

func fieldEnv(name, path string) corev1.EnvVar {
	return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{
		FieldRef: &corev1.ObjectFieldSelector{APIVersion: "v1", FieldPath: path},
	}}
}

// serverContainer is the engine's stock image. Its command is wrapped, so that
// a member which has left is not brought back by a restart of its container,
// and its preStop hook needs no shell. It has no liveness probe: whether a
// server that does not answer shall be restarted is not for a kubelet to say,
// who does not know of the quorum.
func (b Builder) serverContainer() corev1.Container {
	ready := probe(protocol.ReadyPath)
	ready.PeriodSeconds = readyPeriod
	ready.FailureThreshold = readyFailures
	return corev1.Container{
		Name:           ServerContainer,
		Image:          b.in.ServerImage,
		Command:        slices.Concat([]string{sharedBinary, "run", "--"}, b.template.Command),
		Args:           b.template.Args,
		Env:            b.serverEnv(),
		Ports:          b.containerPorts(),
		Resources:      b.d.Spec.Resources.Requirements(),
		VolumeMounts:   b.serverMounts(),
		ReadinessProbe: ready,
		Lifecycle: &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{
			Exec: &corev1.ExecAction{Command: []string{sharedBinary, "prestop"}},
		}},
		SecurityContext:          containerSecurity(),
		TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
	}
}

// serverEnv is the engine's with the user's after it. A user's variable takes
// the place of an engine's of the same name: a name may be there once only.
func (b Builder) serverEnv() []corev1.EnvVar {
	out := slices.Clone(b.template.Env)
	for _, e := range b.d.Spec.Pod.Env {
		user := corev1.EnvVar{Name: e.Name, Value: e.Value}
		at := slices.IndexFunc(out, func(o corev1.EnvVar) bool { return o.Name == e.Name })
		if at < 0 {
			out = append(out, user)
			continue
		}
		out[at] = user
	}
	return out
}

func (b Builder) containerPorts() []corev1.ContainerPort {
	var out []corev1.ContainerPort
	for _, p := range b.template.Ports {
		out = append(out, corev1.ContainerPort{Name: p.Name, ContainerPort: p.Number, Protocol: protocolOf(p)})
	}
	return out
}

// probe asks the agent, who answers for the server too.
func probe(at string) *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{
			Path: at, Port: intstr.FromInt32(protocol.ProbePort), Scheme: corev1.URISchemeHTTP,
		}},
		TimeoutSeconds: probeTimeout,
	}
}

func containerSecurity() *corev1.SecurityContext {
	return &corev1.SecurityContext{
		AllowPrivilegeEscalation: ptr.To(false),
		ReadOnlyRootFilesystem:   ptr.To(true),
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
	}
}
