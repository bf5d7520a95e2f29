// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package cassandra

import (
	"fmt"
	"maps"
	"path"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/quorate/quorate/api/v1alpha1"
	"github.com/quorate/quorate/internal/attend"
	"github.com/quorate/quorate/internal/engine"
	"github.com/quorate/quorate/internal/engine/catalogue"
)

// object is one level of the configuration file.
type object = catalogue.Object

// The places of the public image, and the files that are rendered there. The image's
// own configuration is not used: its root file system is read-only, and the files are
// the same for every image.
const (
	dataDir   = "/var/lib/cassandra"
	configDir = "/etc/quorate-cassandra"
	runDir    = "/run/quorate"

	ServerFile  = "server.yaml"                 // shared by all members; the user's settings are in it
	MemberFile  = "member.yaml"                 // of one member
	ReleaseFile = "cassandra.yaml"              // both, and the seeds; written when the server may start
	JavaFile    = "java.options"                // of every process of Java
	HeapFile    = "heap.options"                // of the server alone
	RackFile    = "cassandra-rackdc.properties" // found by its name on the class path; of one member where there are racks
	CenterFile  = "datacenter.properties"       // what all share of it then
	LogFile     = "logback.xml"                 // as above
	classPath   = configDir + ":/opt/cassandra/lib/*"
	daemon      = "org.apache.cassandra.service.CassandraDaemon"
	tool        = "org.apache.cassandra.tools.NodeTool"
)

// graceSeconds is for a drain, which writes what is in memory to the volume.
const graceSeconds = 180

// AttendSocket is where the agent listens for the attendant, in the folder that they
// share.
const AttendSocket = "attend.sock"

// Attendant carries out nodetool beside the server, by these words alone. A server that
// has been decommissioned stays and answers nobody, until its agent has it ended: one that
// ended by itself would be started again, and again.
func Attendant(runDir string) *attend.Attendant {
	return &attend.Attendant{
		Socket: path.Join(runDir, AttendSocket), Tool: nodetool(),
		Allowed: []string{"decommission", "removenode", "cleanup", "drain", "repair", "netstats"},
	}
}

func nodetool() []string {
	return []string{"java", "@" + configDir + "/" + JavaFile, "-Xmx64M", "-Duser.home=/tmp", "-cp", classPath, tool, "-p", strconv.Itoa(PortJMX)}
}

// Template is the server's container and the settings that all members share. The
// daemon is started without the image's scripts, which edit files of the image.
// Nothing in it depends on the number of members, and no seed is in it.
func (Engine) Template(d *v1alpha1.Datastore) engine.ServerTemplate {
	return engine.ServerTemplate{
		Image:   "cassandra:" + d.Spec.Version,
		Command: append(attend.Command(path.Join(runDir, "quorate"), Attendant(runDir)), "java"),
		Args: []string{
			"@" + configDir + "/" + JavaFile, "@" + configDir + "/" + HeapFile,
			"-Dcassandra.config=file://" + configDir + "/" + ReleaseFile, "-cp", classPath, daemon,
		},
		Ports:        ports(),
		DataDir:      dataDir,
		ConfigDir:    configDir,
		Files:        files(d),
		GraceSeconds: graceSeconds,
		Scratch:      []string{"/tmp"}, // native libraries are unpacked there
	}
}

func files(d *v1alpha1.Datastore) map[string]string {
	out := placeFiles(d)
	maps.Copy(out, map[string]string{ServerFile: encode(serverSettings(d)), JavaFile: javaOptions, HeapFile: heapOptions(d), LogFile: logging})
	return out
}

// placeFiles say where the servers are, as far as that is the same for all.
func placeFiles(d *v1alpha1.Datastore) map[string]string {
	settings := d.CassandraSettings()
	center := "dc=" + settings.Datacenter + "\n"
	if len(settings.Racks) > 0 {
		return map[string]string{CenterFile: center}
	}
	return map[string]string{RackFile: center + "rack=" + rack + "\n"}
}

// spreadFor is the replication factor that tokens are spread for. Cassandra does that by
// racks where there are several, and refuses to where these are fewer than the copies.
func spreadFor(d *v1alpha1.Datastore) int {
	if racks := len(d.CassandraSettings().Racks); racks > 0 {
		return min(maxFactor, racks)
	}
	return maxFactor
}

// serverSettings merges the user's settings into the defaults. Settings that Validate
// refuses are not looked at again here.
func serverSettings(d *v1alpha1.Datastore) object {
	settings := d.CassandraSettings()
	base := object{
		"cluster_name": settings.ClusterName,
		"num_tokens":   *settings.NumTokens,
		"allocate_tokens_for_local_replication_factor": spreadFor(d),
		"partitioner":           "org.apache.cassandra.dht.Murmur3Partitioner",
		"endpoint_snitch":       "GossipingPropertyFileSnitch",
		"authenticator":         "PasswordAuthenticator",
		"authorizer":            "CassandraAuthorizer",
		"role_manager":          "CassandraRoleManager",
		"storage_port":          PortPeers,
		"native_transport_port": PortNative,
		"commitlog_sync":        "periodic",
		"commitlog_sync_period": "10s",
		// A server that cannot write must not go on as if it could.
		"disk_failure_policy":   "stop",
		"commit_failure_policy": "stop",
	}
	user, err := catalogue.UserSettings(d.Spec.Config)
	if err != nil {
		return base
	}
	return catalogue.Merge(base, user)
}

// The heap where no limit of memory is given, and its bounds in MiB. Above the upper
// one Java's references become larger.
const (
	defaultHeap = 512
	leastHeap   = 128
	mostHeap    = 31 << 10
)

// heapOptions give half of the memory to Java's heap: Cassandra keeps a good part of
// its data beside it.
func heapOptions(d *v1alpha1.Datastore) string {
	heap := int64(defaultHeap)
	if limit, ok := d.Spec.Resources.Limits[corev1.ResourceMemory]; ok {
		heap = min(max(limit.Value()>>20/2, leastHeap), mostHeap)
	}
	return strings.Join([]string{
		fmt.Sprintf("-Xms%dM", heap), fmt.Sprintf("-Xmx%dM", heap), "-XX:+UseG1GC", "-XX:+ExitOnOutOfMemoryError",
		"-Dcassandra-foreground=yes", // or it closes its output once it has started
		"-Dcassandra.storagedir=" + dataDir, fmt.Sprintf("-Dcassandra.jmx.local.port=%d", PortJMX), "",
	}, "\n")
}

// javaOptions are parts of Java 17 that Cassandra 5.0 looks into, and those of its
// tools.
const javaOptions = `-Djdk.attach.allowAttachSelf=true
-Dio.netty.tryReflectionSetAccessible=true
--add-exports java.base/jdk.internal.misc=ALL-UNNAMED
--add-exports java.management.rmi/com.sun.jmx.remote.internal.rmi=ALL-UNNAMED
--add-exports java.rmi/sun.rmi.registry=ALL-UNNAMED
--add-exports java.rmi/sun.rmi.server=ALL-UNNAMED
--add-exports java.sql/java.sql=ALL-UNNAMED
--add-exports java.base/java.lang.ref=ALL-UNNAMED
--add-exports jdk.unsupported/sun.misc=ALL-UNNAMED
--add-exports java.base/jdk.internal.ref=ALL-UNNAMED
--add-opens java.base/java.lang.module=ALL-UNNAMED
--add-opens java.base/jdk.internal.loader=ALL-UNNAMED
--add-opens java.base/jdk.internal.ref=ALL-UNNAMED
--add-opens java.base/jdk.internal.reflect=ALL-UNNAMED
--add-opens java.base/jdk.internal.math=ALL-UNNAMED
--add-opens java.base/jdk.internal.module=ALL-UNNAMED
--add-opens java.base/jdk.internal.util.jar=ALL-UNNAMED
--add-opens jdk.management/com.sun.management.internal=ALL-UNNAMED
--add-opens java.base/sun.nio.ch=ALL-UNNAMED
--add-opens java.base/java.io=ALL-UNNAMED
--add-opens java.base/java.lang=ALL-UNNAMED
--add-opens java.base/java.lang.reflect=ALL-UNNAMED
--add-opens java.base/java.util=ALL-UNNAMED
--add-opens java.base/java.util.concurrent=ALL-UNNAMED
--add-opens java.base/java.util.concurrent.atomic=ALL-UNNAMED
--add-opens java.base/java.nio=ALL-UNNAMED
--add-opens java.base/java.net=ALL-UNNAMED
--add-opens jdk.compiler/com.sun.tools.javac=ALL-UNNAMED
`

// logging goes to the container's output.
const logging = `<configuration>
  <appender name="OUT" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%-5level %date{ISO8601} %logger{0} %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="OUT"/></root>
</configuration>
`

// encode writes a configuration file; equal settings give equal texts.
func encode(settings object) string {
	out, err := yaml.Marshal(settings)
	if err != nil {
		panic(fmt.Sprintf("a decoded configuration cannot be encoded: %v", err))
	}
	return string(out)
}
