// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package adoption

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/engine/cassandra"
	"github.com/quorate/quorate/internal/engine/mongodb"
	"github.com/quorate/quorate/internal/resource"
)

// tutorial is the set of the tutorial, as it can be adopted.
func tutorial() *Found {
	d := &v1alpha1.Datastore{ObjectMeta: metav1.ObjectMeta{Name: "db", Namespace: "go-demo-3", UID: "d"}, Spec: v1alpha1.DatastoreSpec{
		Engine: v1alpha1.EngineMongoDB, Version: "8.0", Replicas: ptr.To[int32](3),
		Storage: v1alpha1.Storage{Size: apiresource.MustParse("2Gi")},
		Pod:     v1alpha1.PodSpec{Labels: map[string]string{"app": "db"}, Env: []v1alpha1.EnvVar{{Name: "TZ", Value: "UTC"}}},
		Adopt:   &v1alpha1.Adopt{ClaimTemplate: "mongo-data", SetName: "rs0", Authentication: v1alpha1.AuthenticationNone},
	}}
	f := &Found{
		Datastore: d, Engine: mongodb.Engine{}, Image: "mongo:8.0",
		StatefulSet: &appsv1.StatefulSet{
			ObjectMeta: metav1.ObjectMeta{Name: "db", UID: "sts", Annotations: map[string]string{v1alpha1.AnnotationAdoptableBy: "db"}},
			Spec: appsv1.StatefulSetSpec{
				Replicas: ptr.To[int32](3), ServiceName: "db",
				VolumeClaimTemplates: []corev1.PersistentVolumeClaim{{ObjectMeta: metav1.ObjectMeta{Name: "mongo-data"}}},
				Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{
					Name: "db", Image: "mongo:8.0", Command: []string{"mongod", "--replSet", "rs0", "--bind_ip_all"},
					Env:          []corev1.EnvVar{{Name: "TZ", Value: "UTC"}},
					VolumeMounts: []corev1.VolumeMount{{Name: "mongo-data", MountPath: "/data/db"}},
				}}}},
			},
		},
		Pods: map[string]*corev1.Pod{}, Claims: map[string]*corev1.PersistentVolumeClaim{},
		Service: &corev1.Service{Spec: corev1.ServiceSpec{
			ClusterIP: corev1.ClusterIPNone, PublishNotReadyAddresses: true, Selector: map[string]string{"app": "db"},
		}},
	}
	f.Template = resource.New(resource.Input{Datastore: d, Engine: f.Engine}).StatefulSets(nil, true)[0].Spec.Template
	for _, name := range f.Members() {
		f.Pods[name] = &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: name, OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(f.StatefulSet, appsv1.SchemeGroupVersion.WithKind("StatefulSet"))}},
			Spec:       *f.StatefulSet.Spec.Template.Spec.DeepCopy(),
			Status:     corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}},
		}
		f.Claims[name] = &corev1.PersistentVolumeClaim{
			Spec:   corev1.PersistentVolumeClaimSpec{Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: apiresource.MustParse("2Gi")}}},
			Status: corev1.PersistentVolumeClaimStatus{Phase: corev1.ClaimBound},
		}
	}
	return f
}

func (f *Found) hand() *corev1.PodSpec { return &f.StatefulSet.Spec.Template.Spec }

// leaves is a hook by which a member leaves its set when its pod ends.
func leaves() *corev1.Lifecycle {
	return &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: []string{"consul", "leave"}}}}
}

// extra is a volume with a ConfigMap.
func extra(name string, mode *int32) []corev1.Volume {
	return []corev1.Volume{{Name: "extra", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
		LocalObjectReference: corev1.LocalObjectReference{Name: name}, DefaultMode: mode,
	}}}}
}

// TestVolumesThatOursHaveAreNotInTheWay also where the API server wrote a default out.
func TestVolumesThatOursHaveAreNotInTheWay(t *testing.T) {
	f := tutorial()
	f.hand().Volumes, f.Template.Spec.Volumes = extra("a", ptr.To[int32](420)), extra("a", nil)
	if got := f.Obstacles(); len(got) > 0 {
		t.Errorf("in the way is %q", got)
	}
}

// ofSecret is a variable with its value in a Secret.
func ofSecret(name string) corev1.EnvVar {
	return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
		LocalObjectReference: corev1.LocalObjectReference{Name: "root"}, Key: "password",
	}}}
}

// TestNobodyIsToldToCopyAPassword: a variable of a Secret is in the way without a word about
// spec.pod.env, and not at all where it fills an empty volume alone.
func TestNobodyIsToldToCopyAPassword(t *testing.T) {
	f := closed()
	f.server().Env = []corev1.EnvVar{ofSecret("MONGO_INITDB_ROOT_PASSWORD")}
	if got := f.Obstacles(); len(got) > 0 {
		t.Errorf("in the way is %q", got)
	}
	f.server().Env[0].Name = "PASSWORD"
	if got := f.Obstacles(); len(got) != 1 || strings.Contains(got[0], "spec.pod.env") {
		t.Errorf("in the way is %q", got)
	}
}

// TestServersThatMayRunAsRootAreNamed: what their files belong to is not known.
func TestServersThatMayRunAsRootAreNamed(t *testing.T) {
	user := ptr.To[int64](999)
	for name, c := range map[string]struct {
		change func(*corev1.PodSpec)
		named  bool
	}{
		"past the entrypoint":        {func(*corev1.PodSpec) {}, true},
		"with flags alone":           {func(s *corev1.PodSpec) { s.Containers[0].Command, s.Containers[0].Args = nil, s.Containers[0].Command }, false},
		"through the entrypoint":     {func(s *corev1.PodSpec) { s.Containers[0].Command = []string{"docker-entrypoint.sh", "mongod"} }, false},
		"a user of the pod":          {func(s *corev1.PodSpec) { s.SecurityContext = &corev1.PodSecurityContext{RunAsUser: user} }, false},
		"a user of the container":    {func(s *corev1.PodSpec) { s.Containers[0].SecurityContext = &corev1.SecurityContext{RunAsUser: user} }, false},
		"other words about security": {func(s *corev1.PodSpec) { s.SecurityContext = &corev1.PodSecurityContext{FSGroup: user} }, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := tutorial()
			c.change(f.hand())
			got := strings.Join(f.Cautions(), "; ")
			if (got != "") != c.named || c.named && !strings.Contains(got, "ours run as user 999") {
				t.Errorf("named is %q", got)
			}
		})
	}
}

// TestObstacles puts one thing at a time in the way of what can be adopted.
func TestObstacles(t *testing.T) {
	if got := tutorial().Obstacles(); len(got) > 0 {
		t.Fatalf("the tutorial's set cannot be adopted: %q", got)
	}
	for want, change := range map[string]func(*Found){
		"has not agreed": func(f *Found) { f.StatefulSet.Annotations = nil },
		"owner has not agreed: set the annotation quorate.dev/adoptable-by=db": func(f *Found) { f.StatefulSet.Annotations[v1alpha1.AnnotationAdoptableBy] = "other" },
		"belongs to Helm x": func(f *Found) {
			f.StatefulSet.OwnerReferences = []metav1.OwnerReference{{Kind: "Helm", Name: "x", UID: "x", Controller: ptr.To(true)}}
		},
		"has 5 replicas: set spec.replicas to 5": func(f *Found) {
			f.StatefulSet.Spec.Replicas = ptr.To[int32](5)
			for _, name := range []string{"db-3", "db-4"} {
				f.Pods[name], f.Claims[name] = f.Pods["db-0"], f.Claims["db-0"]
			}
		},
		"first ordinal is 1": func(f *Found) { f.StatefulSet.Spec.Ordinals = &appsv1.StatefulSetOrdinals{Start: 1} },
		"claims go with it": func(f *Found) {
			f.StatefulSet.Spec.PersistentVolumeClaimRetentionPolicy = &appsv1.StatefulSetPersistentVolumeClaimRetentionPolicy{WhenDeleted: appsv1.DeletePersistentVolumeClaimRetentionPolicyType}
		},
		`volume claim templates are ["other"]`: func(f *Found) { f.StatefulSet.Spec.VolumeClaimTemplates[0].Name = "other" },
		`its Service is "mongo"`:               func(f *Found) { f.StatefulSet.Spec.ServiceName = "mongo" },
		"Service db does not exist":            func(f *Found) { f.Service = nil },
		"has a ClusterIP":                      func(f *Found) { f.Service.Spec.ClusterIP = "10.0.0.1" },
		"spec.publishNotReadyAddresses":        func(f *Found) { f.Service.Spec.PublishNotReadyAddresses = false },
		"add that to spec.pod.labels":          func(f *Found) { f.Service.Spec.Selector["tier"] = "db" },
		"Secret db-ca exists":                  func(f *Found) { f.Taken = []string{"Secret db-ca"} },
		"init container wait":                  func(f *Found) { f.hand().InitContainers = []corev1.Container{{Name: "wait"}} },
		`containers ["db" "sidecar"]`: func(f *Found) {
			f.hand().Containers = append(f.hand().Containers, corev1.Container{Name: "sidecar"})
		},
		"its pods have a preStop hook (consul leave), which ours would not have": func(f *Found) { f.hand().Containers[0].Lifecycle = leaves() },
		"its pods have a postStart hook (a request for /join)": func(f *Found) {
			f.hand().Containers[0].Lifecycle = &corev1.Lifecycle{PostStart: &corev1.LifecycleHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/join"}}}
		},
		"its pods have a signal of their own to end by (SIGINT)": func(f *Found) {
			f.hand().Containers[0].Lifecycle = &corev1.Lifecycle{StopSignal: ptr.To(corev1.SIGINT)}
		},
		"the pod db-1 has a preStop hook (consul leave), which would run": func(f *Found) { f.Pods["db-1"].Spec.Containers[0].Lifecycle = leaves() },
		"network of their nodes":                   func(f *Found) { f.hand().HostNetwork = true },
		"volume extra: add it to spec.pod.volumes": func(f *Found) { f.hand().Volumes = extra("", ptr.To[int32](420)) },
		"volume extra, and ours have another one":  func(f *Found) { f.hand().Volumes, f.Template.Spec.Volumes = extra("b", nil), extra("a", nil) },
		"run as user 0 and ours as 999":            func(f *Found) { f.hand().SecurityContext = &corev1.PodSecurityContext{RunAsUser: ptr.To[int64](0)} },
		"run as user 1 and ours": func(f *Found) {
			f.hand().Containers[0].SecurityContext = &corev1.SecurityContext{RunAsUser: ptr.To[int64](1)}
		},
		"an adoption is no upgrade": func(f *Found) { f.Image = "mongo:8.0.4" },
		"mounted at /var/lib":       func(f *Found) { f.hand().Containers[0].VolumeMounts[0].MountPath = "/var/lib" },
		"from the folder sub":       func(f *Found) { f.hand().Containers[0].VolumeMounts[0].SubPath = "sub" },
		"does not mount the claim":  func(f *Found) { f.hand().Containers[0].VolumeMounts = nil },
		"environment has TZ":        func(f *Found) { f.Datastore.Spec.Pod.Env[0].Value = "CET" },
		"environment has PASSWORD, whose value comes from elsewhere (Secret root), which ours cannot have: do without it": func(f *Found) {
			f.hand().Containers[0].Env = []corev1.EnvVar{ofSecret("PASSWORD")}
			f.Datastore.Spec.Pod.Env = []v1alpha1.EnvVar{{Name: "PASSWORD"}}
		},
		"environment is taken from": func(f *Found) { f.hand().Containers[0].EnvFrom = []corev1.EnvFromSource{{}} },
		"ours would be with rs1":    func(f *Found) { f.Datastore.Spec.Adopt.SetName = "rs1" },
		"engine MongoDB cannot be adopted": func(f *Found) {
			f.Engine = cassandra.Engine{}
			f.hand().Containers[0].VolumeMounts[0].MountPath = cassandra.Engine{}.Template(f.Datastore).DataDir
		},
		"pod db-1 does not exist":                 func(f *Found) { f.Pods["db-1"] = nil },
		"pod db-1 is not of this":                 func(f *Found) { f.Pods["db-1"].OwnerReferences = nil },
		"pod db-1 is being deleted":               func(f *Found) { f.Pods["db-1"].DeletionTimestamp = ptr.To(metav1.Now()) },
		"pod db-1 is not ready":                   func(f *Found) { f.Pods["db-1"].Status.Conditions = nil },
		"pod db-1 was made from another template": func(f *Found) { f.Pods["db-1"].Spec.Containers[0].Image = "mongo:7.0" },
		"claim mongo-data-db-2 does not exist":    func(f *Found) { f.Claims["db-2"] = nil },
		"claim mongo-data-db-2 is being deleted":  func(f *Found) { f.Claims["db-2"].DeletionTimestamp = ptr.To(metav1.Now()) },
		"claim mongo-data-db-2 is not bound":      func(f *Found) { f.Claims["db-2"].Status.Phase = corev1.ClaimPending },
		"claim mongo-data-db-2 is of the set other": func(f *Found) {
			f.ClusterID, f.Claims["db-2"].Labels = "mine", map[string]string{resource.ClusterIDLabel: "other"}
		},
		"has another StorageClass":      func(f *Found) { f.Datastore.Spec.Storage.ClassName = ptr.To("fast") },
		"set spec.storage.size to that": func(f *Found) { f.Datastore.Spec.Storage.Size = apiresource.MustParse("1Gi") },
		"spec.stopped is true":          func(f *Found) { f.Datastore.Spec.Stopped = true },
		"set spec.disruption to AllowDowntime": func(f *Found) {
			f.Datastore.Spec.Replicas, f.StatefulSet.Spec.Replicas = ptr.To[int32](2), ptr.To[int32](2)
		},
	} {
		t.Run(want, func(t *testing.T) {
			f := tutorial()
			change(f)
			got := f.Obstacles()
			if !strings.Contains(strings.Join(got, "; "), want) {
				t.Errorf("in the way is %q, want %q", got, want)
			}
		})
	}
}
