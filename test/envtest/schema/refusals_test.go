// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/test/wrappers"
)

// refusal is an input that the schema refuses, and what it says then.
type refusal struct {
	input   string
	build   func() *wrappers.DatastoreWrapper
	field   string // empty: the object as a whole.
	message string // part of the message that the rule gives.
}

// named refuses a name.
func named(name, message string) refusal {
	return refusal{
		input: "name " + name, message: message,
		build: func() *wrappers.DatastoreWrapper { return wrappers.MakeDatastore(name) },
	}
}

// with refuses a change of an otherwise valid Datastore.
func with(input string, change func(*wrappers.DatastoreWrapper), field, message string) refusal {
	return refusal{
		input: input, field: field, message: message,
		build: func() *wrappers.DatastoreWrapper {
			w := sample()
			change(w)
			return w
		},
	}
}

// withPod refuses a change of spec.pod.
func withPod(input string, change func(*v1alpha1.PodSpec), field, message string) refusal {
	return with(input, func(w *wrappers.DatastoreWrapper) { w.Pod(change) }, "spec.pod."+field, message)
}

// withRetention refuses a retention policy.
func withRetention(input string, retention v1alpha1.Retention, field, message string) refusal {
	return with(input, func(w *wrappers.DatastoreWrapper) { w.Retention(retention) }, "spec.storage.retention."+field, message)
}

// withIngress refuses an Ingress.
func withIngress(input string, change func(*v1alpha1.Ingress), field, message string) refusal {
	return with(input, func(w *wrappers.DatastoreWrapper) {
		ingress := v1alpha1.Ingress{Host: "consul.example.com"}
		change(&ingress)
		w.UIIngress(ingress)
	}, "spec.consul.ui.ingress."+field, message)
}

// withUser refuses a user of MongoDB.
func withUser(input string, change func(*v1alpha1.MongoDBUser), field, message string) refusal {
	return with("a user with "+input, func(w *wrappers.DatastoreWrapper) {
		user := v1alpha1.MongoDBUser{Name: "app", Database: "shop", Roles: []v1alpha1.MongoDBRole{{Role: "readWrite"}},
			PasswordSecretRef: &v1alpha1.SecretKeyReference{Name: "app", Key: "password"}}
		change(&user)
		w.Users(user)
	}, "spec.mongodb.users[0]"+field, message)
}

// withCassandra refuses a section of Cassandra.
func withCassandra(input string, section v1alpha1.CassandraSpec, field, message string) refusal {
	return with(input, func(w *wrappers.DatastoreWrapper) { w.Cassandra(section) }, "spec.cassandra."+field, message)
}

// racks are two, with these names.
func racks(first, second string) v1alpha1.CassandraSpec {
	return v1alpha1.CassandraSpec{Racks: []v1alpha1.CassandraRack{{Name: first, Zone: "eu-1a"}, {Name: second, Zone: "eu-1b"}}}
}

// withLabel refuses a label of the pods.
func withLabel(name, value, message string) refusal {
	return withPod("label "+name+"="+value, func(p *v1alpha1.PodSpec) {
		p.Labels = map[string]string{name: value}
	}, "labels", message)
}

// withEnv refuses the name of an environment variable.
func withEnv(name, message string) refusal {
	return withPod("variable "+name, func(p *v1alpha1.PodSpec) {
		p.Env = []v1alpha1.EnvVar{{Name: name}}
	}, "env[0].name", message)
}

// withVolume refuses a volume.
func withVolume(input string, volume v1alpha1.Volume, field, message string) refusal {
	return withPod("volume "+input, func(p *v1alpha1.PodSpec) { p.Volumes = []v1alpha1.Volume{volume} }, field, message)
}

// withMount refuses the mount of a volume that exists.
func withMount(path, subPath, field, message string) refusal {
	return withPod("mount at "+path+" of "+subPath, func(p *v1alpha1.PodSpec) {
		p.Volumes = []v1alpha1.Volume{emptyVolume("extra")}
		p.VolumeMounts = []v1alpha1.VolumeMount{{Name: "extra", MountPath: path, SubPath: subPath}}
	}, "volumeMounts[0]."+field, message)
}

func emptyVolume(name string) v1alpha1.Volume {
	return v1alpha1.Volume{Name: name, EmptyDir: &corev1.EmptyDirVolumeSource{}}
}

const (
	reservedPrefix = "must not start with quorate.dev/"
	reservedSuffix = "metadata.name must not end in -ca, -client"
	badLabel       = "labels must have valid names"
	badPath        = "mountPath must be an absolute path below the root"
	ownedPath      = "mountPath must not be /etc, /run or /tmp, nor in /consul"
	badEnv         = "must hold only letters, digits, underscores"
	badVolumeName  = "name of a volume must hold only lower-case letters"
	ownedVolume    = "name of a volume must not be data or start with quorate-"
	badIngressPath = "path must start with a slash"
)

// onCreation lists what is refused in any object, new or changed.
var onCreation = []refusal{
	named("a"+strings.Repeat("b", v1alpha1.MaxNameLength), "must have 45 characters or less"),
	named("1db", "metadata.name must start with a lower-case letter"),
	named("d.b", "metadata.name must start with a lower-case letter"),
	named("db-0", "metadata.name must not end in a dash and a number"),
	named("db-12", "metadata.name must not end in a dash and a number"),
	named("db-rack-a", "metadata.name must not hold -rack-"),
	named("db-client", reservedSuffix),
	named("db-ca", reservedSuffix),
	named("db-config", reservedSuffix),
	named("db-connection", reservedSuffix),
	named("db-credentials", reservedSuffix),
	named("db-ledger", reservedSuffix),
	named("db-manager", reservedSuffix),
	named("db-member", reservedSuffix),
	named("db-primary", reservedSuffix),
	named("db-ui", reservedSuffix),

	with("an unknown engine", func(w *wrappers.DatastoreWrapper) { w.Engine("Etcd") },
		"spec.engine", `supported values: "Consul"`),
	with("no engine", func(w *wrappers.DatastoreWrapper) { w.Engine("") },
		"spec.engine", `supported values: "Consul"`),
	with("no version", func(w *wrappers.DatastoreWrapper) { w.Version("") }, "spec.version", "such as 1.22.3"),
	with("a short version", func(w *wrappers.DatastoreWrapper) { w.Version("1.22") }, "spec.version", "such as 1.22.3"),
	with("a version with v", func(w *wrappers.DatastoreWrapper) { w.Version("v1.22.3") }, "spec.version", "no leading v"),
	with("latest", func(w *wrappers.DatastoreWrapper) { w.Version("latest") }, "spec.version", "such as 1.22.3"),
	with("a huge version", func(w *wrappers.DatastoreWrapper) { w.Version("1.22." + strings.Repeat("3", 40)) },
		"spec.version", "may not be more than 32"),
	with("an image with a space", func(w *wrappers.DatastoreWrapper) { w.Image("hashicorp/consul: 1.22.3") },
		"spec.image", "image must be an image reference"),

	with("no replicas", func(w *wrappers.DatastoreWrapper) { w.Replicas(0) }, "spec.replicas", "replicas must be 1 or more"),
	with("-1 replicas", func(w *wrappers.DatastoreWrapper) { w.Replicas(-1) }, "spec.replicas", "replicas must be 1 or more"),
	with("51 replicas of MongoDB", func(w *wrappers.DatastoreWrapper) { w.Engine(v1alpha1.EngineMongoDB).Version("8.0").Replicas(51) },
		"spec.replicas", "replicas must be 50 or less for engine MongoDB"),
	with("51 replicas of Cassandra", func(w *wrappers.DatastoreWrapper) { w.Engine(v1alpha1.EngineCassandra).Version("5.0").Replicas(51) },
		"spec.replicas", "replicas must be 50 or less for engine Cassandra"),
	with("10 replicas", func(w *wrappers.DatastoreWrapper) { w.Replicas(10) }, "spec.replicas", "replicas must be 9 or less"),
	with("1000 replicas", func(w *wrappers.DatastoreWrapper) { w.Replicas(1000) },
		"spec.replicas", "replicas must be 9 or less"),

	with("storage of nothing", func(w *wrappers.DatastoreWrapper) { w.StorageSize("0") },
		"spec.storage.size", "size must be more than 0"),
	with("negative storage", func(w *wrappers.DatastoreWrapper) { w.StorageSize("-1Gi") },
		"spec.storage.size", "size must be more than 0"),
	with("a class that is no name", func(w *wrappers.DatastoreWrapper) { w.StorageClass("Fast Disks") },
		"spec.storage.className", "className must be the name of a StorageClass"),

	with("an unknown disruption", func(w *wrappers.DatastoreWrapper) { w.Disruption("Never") },
		"spec.disruption", `supported values: "Protect", "AllowDowntime"`),
	withRetention("Recycle when deleted", v1alpha1.Retention{WhenDeleted: "Recycle"}, "whenDeleted", `supported values: "Retain", "Delete"`),
	withRetention("Ask when deleted", v1alpha1.Retention{WhenDeleted: "Ask"}, "whenDeleted", `supported values: "Retain", "Delete"`),
	withRetention("delete when scaled", v1alpha1.Retention{WhenScaled: "delete"}, "whenScaled", `supported values: "Retain", "Delete"`),
	withRetention("Retain when lost", v1alpha1.Retention{WhenLost: "Retain"}, "whenLost", `supported values: "Ask", "Delete"`),

	with("a negative limit", func(w *wrappers.DatastoreWrapper) { w.Limit("cpu", "-1") },
		"spec.resources.limits", "limits must not be negative"),
	with("a negative request", func(w *wrappers.DatastoreWrapper) { w.Request("cpu", "-1") },
		"spec.resources.requests", "requests must not be negative"),
	with("a request above the limit", func(w *wrappers.DatastoreWrapper) { w.Request("cpu", "2").Limit("cpu", "1900m") },
		"spec.resources.requests", "requests must not exceed limits"),

	with("a config that is a string", func(w *wrappers.DatastoreWrapper) { w.Config(`"log_level"`) },
		"spec.config", "must be of type object"),
	with("a config that is a list", func(w *wrappers.DatastoreWrapper) { w.Config(`[1]`) },
		"spec.config", "must be of type object"),

	with("an adoption by Consul of a set with a name", func(w *wrappers.DatastoreWrapper) {
		w.Adopt("data", "rs0").Engine(v1alpha1.EngineConsul).Version("1.22.3")
	},
		"spec.adopt.setName", "left out with any other"),
	with("an adoption by Consul with a key file", func(w *wrappers.DatastoreWrapper) {
		w.Adopt("data", "").KeyFile("key", "admin").Engine(v1alpha1.EngineConsul).Version("1.22.3")
	},
		"spec.adopt.authentication", "authentication must be None with any engine but MongoDB"),
	with("an adoption by Cassandra", func(w *wrappers.DatastoreWrapper) {
		w.Adopt("data", "").Engine(v1alpha1.EngineCassandra).Version("5.0.9")
	},
		"spec.adopt", "adopt is there for engines Consul and MongoDB only"),
	with("users of an adoption", func(w *wrappers.DatastoreWrapper) {
		w.Adopt("data", "rs0").Users(v1alpha1.MongoDBUser{Name: "app", Roles: []v1alpha1.MongoDBRole{{Role: "read"}}})
	}, "spec.mongodb", "a set that is adopted without any has none"),
	with("an adoption with a key file that nobody named", func(w *wrappers.DatastoreWrapper) {
		w.Adopt("data", "rs0").AdoptedAuthentication(v1alpha1.AuthenticationKeyFile)
	}, "spec.adopt.keyFile", "keyFile must be there where authentication is KeyFile"),
	with("an adoption without authentication, and a key file", func(w *wrappers.DatastoreWrapper) {
		w.Adopt("data", "rs0").KeyFile("key", "admin").AdoptedAuthentication(v1alpha1.AuthenticationNone)
	}, "spec.adopt.keyFile", "keyFile must be there where authentication is KeyFile, and only there"),
	with("an adoption with an administrator in no Secret", func(w *wrappers.DatastoreWrapper) { w.Adopt("data", "rs0").KeyFile("key", "Not_a_name") },
		"spec.adopt.keyFile.administratorSecretRef.name", "name must be the name of a Secret"),
	with("an adoption of claims without a name", func(w *wrappers.DatastoreWrapper) { w.Adopt("", "rs0") },
		"spec.adopt.claimTemplate", "claimTemplate must be the name"),
	with("an adoption of claims of ours", func(w *wrappers.DatastoreWrapper) { w.Adopt("quorate-run", "rs0") },
		"spec.adopt.claimTemplate", "not begin with quorate-"),
	with("an adoption of a set without a name", func(w *wrappers.DatastoreWrapper) { w.Adopt("data", "") },
		"spec.adopt.setName", "setName must be the name of the replica set"),
	with("a datacenter with capitals", func(w *wrappers.DatastoreWrapper) { w.Datacenter("DC1") },
		"spec.consul.datacenter", "datacenter must be a DNS label"),
	with("a datacenter with a dot", func(w *wrappers.DatastoreWrapper) { w.Datacenter("dc.one") },
		"spec.consul.datacenter", "datacenter must be a DNS label"),
	with("an ingress without the interface",
		func(w *wrappers.DatastoreWrapper) {
			w.UI(false).UIIngress(v1alpha1.Ingress{Host: "consul.example.com"})
		},
		"spec.consul.ui.ingress", "set ui.enabled to true or remove ingress"),
	withIngress("no host", func(i *v1alpha1.Ingress) { i.Host = "" }, "host", "host must be a DNS name"),
	withIngress("a URL as host", func(i *v1alpha1.Ingress) { i.Host = "http://consul" }, "host", "host must be a DNS name"),
	withIngress("a star in the middle", func(i *v1alpha1.Ingress) { i.Host = "a.*.com" }, "host", "host must be a DNS name"),
	withIngress("a relative path", func(i *v1alpha1.Ingress) { i.Path = "ui" }, "path", badIngressPath),
	withIngress("a doubled slash", func(i *v1alpha1.Ingress) { i.Path = "//ui" }, "path", badIngressPath),
	withIngress("dots in the path", func(i *v1alpha1.Ingress) { i.Path = "/ui/../v1" }, "path", badIngressPath),
	withIngress("an encoded slash", func(i *v1alpha1.Ingress) { i.Path = "/ui%2Fv1" }, "path", badIngressPath),
	withIngress("a class that is no name", func(i *v1alpha1.Ingress) { i.ClassName = ptr.To("") },
		"className", "className must be the name of an IngressClass"),
	withIngress("a reserved annotation",
		func(i *v1alpha1.Ingress) { i.Annotations = map[string]string{"quorate.dev/x": ""} }, "annotations", reservedPrefix),
	withIngress("a bad annotation",
		func(i *v1alpha1.Ingress) { i.Annotations = map[string]string{"a b": ""} },
		"annotations", "annotations must have valid names"),
	withIngress("a Secret that is no name", func(i *v1alpha1.Ingress) { i.TLSSecretName = "My Secret" },
		"tlsSecretName", "tlsSecretName must be the name of a Secret"),

	with("users of Consul", func(w *wrappers.DatastoreWrapper) { w.Users().Engine(v1alpha1.EngineConsul).Version("1.22.3") },
		"spec.mongodb", "mongodb is for engine MongoDB alone"),
	withUser("capitals", func(u *v1alpha1.MongoDBUser) { u.Name = "App" }, ".name", "name of a user must hold only lower-case letters"),
	withUser("the administrator's name", func(u *v1alpha1.MongoDBUser) { u.Name = "admin" }, ".name", "name of a user must not be admin, quorate-admin or quorate-agent"),
	withUser("the administrator's name in an adopted set", func(u *v1alpha1.MongoDBUser) { u.Name = "quorate-admin" }, ".name", "name of a user must not be admin, quorate-admin"),
	withUser("the agents' name", func(u *v1alpha1.MongoDBUser) { u.Name = "quorate-agent" }, ".name", "name of a user must not be admin, quorate-admin or quorate-agent"),
	withUser("a name like a Secret's", func(u *v1alpha1.MongoDBUser) { u.Name = "x-ca" }, ".name", "name of a user must not end in ca, connection"),
	withUser("a database of the server's", func(u *v1alpha1.MongoDBUser) { u.Database = "local" }, ".database", "and not be local or config"),
	withUser("a database with a dot", func(u *v1alpha1.MongoDBUser) { u.Database = "a.b" }, ".database", "database must hold only letters"),
	withUser("no roles", func(u *v1alpha1.MongoDBUser) { u.Roles = []v1alpha1.MongoDBRole{} }, ".roles", "should have at least 1 items"),
	withUser("the server's own role", func(u *v1alpha1.MongoDBUser) { u.Roles[0].Role = "__system" }, ".roles[0].role", "not one of the server's own"),
	withUser("a role on no database", func(u *v1alpha1.MongoDBUser) { u.Roles[0].DB = "$" }, ".roles[0].db", "db must hold only letters"),
	withUser("a Secret that is no name", func(u *v1alpha1.MongoDBUser) { u.PasswordSecretRef.Name = "My Secret" }, ".passwordSecretRef.name", "name must be the name of a Secret"),
	withUser("a key that is none", func(u *v1alpha1.MongoDBUser) { u.PasswordSecretRef.Key = "a b" }, ".passwordSecretRef.key", "key must be one that a Secret can have"),

	with("a version of Cassandra that is not known", func(w *wrappers.DatastoreWrapper) { w.Engine(v1alpha1.EngineCassandra).Version("4.1.3") },
		"spec.version", "version must be 5.0, or a patch version of it"),
	with("a Cassandra section for Consul", func(w *wrappers.DatastoreWrapper) {
		w.Cassandra(v1alpha1.CassandraSpec{}).Engine(v1alpha1.EngineConsul).Version("1.22.3")
	}, "spec.cassandra", "cassandra is for engine Cassandra alone"),
	withCassandra("a datacenter with a quote", v1alpha1.CassandraSpec{Datacenter: "dc'1"}, "datacenter", "datacenter must hold only letters"),
	withCassandra("a cluster with a colon", v1alpha1.CassandraSpec{ClusterName: "a: b"}, "clusterName", "clusterName must hold only letters"),
	withCassandra("no tokens", v1alpha1.CassandraSpec{NumTokens: ptr.To[int32](0)}, "numTokens", "greater than or equal to 1"),
	withCassandra("257 tokens", v1alpha1.CassandraSpec{NumTokens: ptr.To[int32](257)}, "numTokens", "less than or equal to 256"),

	withCassandra("one rack", v1alpha1.CassandraSpec{Racks: racks("a", "b").Racks[:1]}, "racks", "at least 2 items"),
	withCassandra("ten racks", v1alpha1.CassandraSpec{Racks: slices.Repeat(racks("a", "b").Racks, 5)}, "racks", "at most 9 items"),
	withCassandra("two racks of one name", racks("a", "a"), "racks", "racks must have different names"),
	withCassandra("a rack with a capital", racks("a", "B"), "racks[1].name", "name of a rack must hold only lower-case letters"),
	withCassandra("a rack that ends in a dash", racks("a-", "b"), "racks[0].name", "name of a rack must hold only lower-case letters"),
	withCassandra("a rack without a name", racks("a", ""), "racks[1].name", "at least 1 chars long"),
	withCassandra("a rack of a long name", racks("a", strings.Repeat("b", 31)), "racks[1].name", "may not be more than 30"),
	withCassandra("a rack without a zone", v1alpha1.CassandraSpec{Racks: append(racks("a", "b").Racks, v1alpha1.CassandraRack{Name: "c"})}, "racks[2].zone", "at least 1 chars long"),
	withCassandra("a zone that is no label", v1alpha1.CassandraSpec{Racks: append(racks("a", "b").Racks, v1alpha1.CassandraRack{Name: "c", Zone: "eu/1"})}, "racks[2].zone", "zone must be a value that the label"),
	withCassandra("a zone of a long name", v1alpha1.CassandraSpec{Racks: append(racks("a", "b").Racks, v1alpha1.CassandraRack{Name: "c", Zone: strings.Repeat("z", 64)})}, "racks[2].zone", "may not be more than 63"),
	{
		input: "a rack too long for the name", message: "metadata.name and the name of a rack must have 46 characters or less together",
		build: func() *wrappers.DatastoreWrapper {
			return wrappers.MakeDatastore("db-" + strings.Repeat("n", 30)).Cassandra(racks("a", strings.Repeat("b", 14)))
		},
	},
	with("racks and a zone for all", func(w *wrappers.DatastoreWrapper) {
		w.Cassandra(racks("a", "b")).Pod(func(p *v1alpha1.PodSpec) { p.NodeSelector = map[string]string{corev1.LabelTopologyZone: "eu-1a"} })
	}, "spec.pod", "pod.nodeSelector must not name topology.kubernetes.io/zone where there are racks"),

	withLabel("quorate.dev/datastore", "other", reservedPrefix),
	withLabel("consul.quorate.dev/role", "leader", reservedPrefix),
	withLabel("app.kubernetes.io/name", "x", "labels must not be app.kubernetes.io/name"),
	withLabel("app.kubernetes.io/instance", "x", "labels must not be app.kubernetes.io/name"),
	withLabel("app.kubernetes.io/managed-by", "x", "labels must not be app.kubernetes.io/name"),
	withLabel("controller-revision-hash", "x", "labels must not be app.kubernetes.io/name"),
	withLabel("statefulset.kubernetes.io/pod-name", "x", "labels must not be app.kubernetes.io/name"),
	withLabel("apps.kubernetes.io/pod-index", "0", "labels must not be app.kubernetes.io/name"),
	withLabel("a b", "x", badLabel),
	withLabel("a", "x y", badLabel),
	withLabel("a", strings.Repeat("x", 64), badLabel),
	withPod("a reserved annotation", func(p *v1alpha1.PodSpec) { p.Annotations = map[string]string{"quorate.dev/x": ""} },
		"annotations", reservedPrefix),
	withPod("a bad annotation", func(p *v1alpha1.PodSpec) { p.Annotations = map[string]string{"/x": ""} },
		"annotations", "annotations must have valid names"),
	withPod("a bad node label", func(p *v1alpha1.PodSpec) { p.NodeSelector = map[string]string{"zone": "a b"} },
		"nodeSelector", "nodeSelector must hold labels that a node can have"),
	withPod("a priority class that is no name", func(p *v1alpha1.PodSpec) { p.PriorityClassName = "High!" },
		"priorityClassName", "priorityClassName must be the name of a PriorityClass"),
	withPod("a pull secret without name",
		func(p *v1alpha1.PodSpec) { p.ImagePullSecrets = []corev1.LocalObjectReference{{}} },
		"imagePullSecrets", "imagePullSecrets must each have the name of a Secret"),
	withPod("16 labels", func(p *v1alpha1.PodSpec) { p.Labels = many(16) }, "labels", "must have at most 15 items"),
	withEnv("QUORATE_MEMBER", "must not start with QUORATE_"),
	withEnv("1ST", badEnv),
	withEnv("A B", badEnv),
	withEnv("", badEnv),
	withPod("a variable twice",
		func(p *v1alpha1.PodSpec) { p.Env = []v1alpha1.EnvVar{{Name: "A"}, {Name: "A", Value: "b"}} },
		"env[1]", "Duplicate value"),

	withVolume("called quorate-config", emptyVolume("quorate-config"), "volumes[0].name", ownedVolume),
	withVolume("called data", emptyVolume("data"), "volumes[0].name", ownedVolume),
	withVolume("with a capital", emptyVolume("Extra"), "volumes[0].name", badVolumeName),
	withVolume("without a kind", v1alpha1.Volume{Name: "extra"}, "volumes[0]", "exactly one of emptyDir"),
	withVolume("of two kinds", v1alpha1.Volume{
		Name:        "extra",
		EmptyDir:    &corev1.EmptyDirVolumeSource{},
		DownwardAPI: &corev1.DownwardAPIVolumeSource{},
	}, "volumes[0]", "exactly one of emptyDir"),
	withVolume("of a ConfigMap without name", v1alpha1.Volume{
		Name: "extra", ConfigMap: &corev1.ConfigMapVolumeSource{},
	}, "volumes[0].configMap", "configMap must have the name of a ConfigMap"),
	withPod("a mount of no volume", func(p *v1alpha1.PodSpec) {
		p.VolumeMounts = []v1alpha1.VolumeMount{{Name: "extra", MountPath: "/etc/extra"}}
	}, "volumeMounts", "add the volume or correct the name"),
	withMount("/consul", "", "mountPath", ownedPath),
	withMount("/consul/data", "", "mountPath", ownedPath),
	withMount("/quorate/bin", "", "mountPath", ownedPath),
	withMount("/etc/quorate/member", "", "mountPath", ownedPath),
	withMount("/run/quorate", "", "mountPath", ownedPath),
	withMount("/etc", "", "mountPath", ownedPath),
	withMount("/run", "", "mountPath", ownedPath),
	withMount("/tmp", "", "mountPath", ownedPath),
	withMount("//consul/data", "", "mountPath", ownedPath),
	withMount("/./consul/data", "", "mountPath", ownedPath),
	withMount("/", "", "mountPath", badPath),
	withMount("etc/extra", "", "mountPath", badPath),
	withMount("/etc/extra/", "", "mountPath", badPath),
	withMount("/etc/../consul/data", "", "mountPath", badPath),
	withMount("/etc:extra", "", "mountPath", badPath),
	withMount("/etc/extra", "../x", "subPath", "subPath must be a relative path"),
	withMount("/etc/extra", "/x", "subPath", "subPath must be a relative path"),
}

// change is an update that the schema refuses, and what it says then.
type change struct {
	input    string
	from, to func(*wrappers.DatastoreWrapper)
	field    string
	message  string
}

func asItWas(*wrappers.DatastoreWrapper) {}

const (
	fixedClass      = "className cannot be set, changed or removed after creation"
	fixedAdoption   = "adopt cannot be set, changed or removed after creation"
	fixedRacks      = "cassandra.racks cannot be set, changed or removed after creation"
	fixedDatacenter = "consul.datacenter cannot be changed, and is dc1 where it is absent"
)

// ring has it be of Cassandra.
func ring(section v1alpha1.CassandraSpec) func(*wrappers.DatastoreWrapper) {
	return func(w *wrappers.DatastoreWrapper) { w.Cassandra(section) }
}

// onChange lists what is refused only because of what was there before.
var onChange = []change{
	{
		"less storage", func(w *wrappers.DatastoreWrapper) { w.StorageSize("2Gi") },
		func(w *wrappers.DatastoreWrapper) { w.StorageSize("1Gi") },
		"spec.storage.size", "size cannot be lowered from 2Gi to 1Gi: set it to 2Gi or more",
	},
	{
		"less storage in another unit", func(w *wrappers.DatastoreWrapper) { w.StorageSize("1Gi") },
		func(w *wrappers.DatastoreWrapper) { w.StorageSize("1G") },
		"spec.storage.size", "size cannot be lowered from 1Gi to 1G: set it to 1Gi or more",
	},
	{
		"another class", func(w *wrappers.DatastoreWrapper) { w.StorageClass("slow") },
		func(w *wrappers.DatastoreWrapper) { w.StorageClass("fast") },
		"spec.storage.className", fixedClass,
	},
	{
		"a class set", asItWas, func(w *wrappers.DatastoreWrapper) { w.StorageClass("fast") },
		"spec.storage.className", fixedClass,
	},
	{
		"the empty class set", asItWas, func(w *wrappers.DatastoreWrapper) { w.StorageClass("") },
		"spec.storage.className", fixedClass,
	},
	{
		"a class removed", func(w *wrappers.DatastoreWrapper) { w.StorageClass("fast") }, asItWas,
		"spec.storage.className", fixedClass,
	},
	{
		"an adoption set", func(w *wrappers.DatastoreWrapper) { w.Engine(v1alpha1.EngineMongoDB).Version("8.0") },
		func(w *wrappers.DatastoreWrapper) { w.Adopt("mongo-data", "rs0") },
		"spec.adopt", fixedAdoption,
	},
	{
		"an adoption removed", func(w *wrappers.DatastoreWrapper) { w.Adopt("mongo-data", "rs0") },
		func(w *wrappers.DatastoreWrapper) { w.Engine(v1alpha1.EngineMongoDB).Version("8.0") },
		"spec.adopt", fixedAdoption,
	},
	{
		"an adoption of another set", func(w *wrappers.DatastoreWrapper) { w.Adopt("mongo-data", "rs0") },
		func(w *wrappers.DatastoreWrapper) { w.Adopt("mongo-data", "rs1") },
		"spec.adopt", fixedAdoption,
	},
	{
		"another datacenter", func(w *wrappers.DatastoreWrapper) { w.Datacenter("east") },
		func(w *wrappers.DatastoreWrapper) { w.Datacenter("west") },
		"spec.consul", fixedDatacenter,
	},
	{
		"a datacenter removed", func(w *wrappers.DatastoreWrapper) { w.Datacenter("east") }, asItWas,
		"spec.consul", fixedDatacenter,
	},
	{
		"a datacenter set", asItWas, func(w *wrappers.DatastoreWrapper) { w.Datacenter("east") },
		"spec.consul", fixedDatacenter,
	},
	{
		"another datacenter of a ring", ring(v1alpha1.CassandraSpec{Datacenter: "east"}), ring(v1alpha1.CassandraSpec{Datacenter: "west"}),
		"spec.cassandra", "cassandra.datacenter cannot be changed",
	},
	{
		"a datacenter of a ring set", func(w *wrappers.DatastoreWrapper) { w.Engine(v1alpha1.EngineCassandra).Version("5.0") },
		ring(v1alpha1.CassandraSpec{Datacenter: "east"}), "spec.cassandra", "cassandra.datacenter cannot be changed",
	},
	{
		"the name of a ring set", ring(v1alpha1.CassandraSpec{}), ring(v1alpha1.CassandraSpec{ClusterName: "demo"}),
		"spec.cassandra", "cassandra.clusterName cannot be set, changed or removed",
	},
	{
		"other tokens", ring(v1alpha1.CassandraSpec{}), ring(v1alpha1.CassandraSpec{NumTokens: ptr.To[int32](8)}),
		"spec.cassandra", "cassandra.numTokens cannot be changed",
	},
	{"racks set", ring(v1alpha1.CassandraSpec{}), ring(racks("a", "b")), "spec.cassandra", fixedRacks},
	{"racks removed", ring(racks("a", "b")), ring(v1alpha1.CassandraSpec{}), "spec.cassandra", fixedRacks},
	{
		"racks removed with their section", ring(racks("a", "b")), func(w *wrappers.DatastoreWrapper) {
			w.Engine(v1alpha1.EngineCassandra).Version("5.0")
		}, "spec.cassandra", fixedRacks,
	},
	{"racks in another order", ring(racks("a", "b")), func(w *wrappers.DatastoreWrapper) {
		turned := racks("a", "b")
		slices.Reverse(turned.Racks)
		w.Cassandra(turned)
	}, "spec.cassandra", fixedRacks},
}
