//go:build realcassandra

// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package images

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	gocql "github.com/apache/cassandra-gocql-driver/v2"
)

// imageAddress is on loopback, and no other test's.
const imageAddress = "127.0.90.1"

// TestRealCassandraImage unpacks the image and runs it as a container would, in its own root and through its own
// entrypoint, but for the namespaces: a client then reads and writes.
func TestRealCassandraImage(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("a root folder of its own needs root")
	}
	s := cassandraImage()
	files, err := s.files(t.Context(), &builder{progress: os.Stderr}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	unpack(t, files, root)
	pid, said, ended := start(t, root, append(s.config.Env,
		"CASSANDRA_LISTEN_ADDRESS="+imageAddress, "CASSANDRA_RPC_ADDRESS="+imageAddress, "CASSANDRA_CLUSTER_NAME=K8Demo",
		"CASSANDRA_DC=DC1-K8Demo", "CASSANDRA_RACK=Rack1-K8Demo", "JMX_PORT=7190"))
	client := connect(t, said, ended)
	defer client.Close()
	var cluster, dc, rack, version string
	if err := client.Query("SELECT cluster_name, data_center, rack, release_version FROM system.local").Scan(&cluster, &dc, &rack, &version); err != nil {
		t.Fatal(err)
	}
	if cluster != "K8Demo" || dc != "DC1-K8Demo" || rack != "Rack1-K8Demo" || !strings.HasPrefix(s.reference, "cassandra:"+version[:3]) {
		t.Errorf("it is %s, %s, %s, %s", cluster, dc, rack, version)
	}
	for _, statement := range []string{
		"CREATE KEYSPACE k WITH replication = {'class': 'NetworkTopologyStrategy', 'DC1-K8Demo': 1}",
		"CREATE TABLE k.t (id int PRIMARY KEY, v text)", "INSERT INTO k.t (id, v) VALUES (1, 'my-data')",
	} {
		if err := client.Query(statement).Exec(); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	var v string
	if err := client.Query("SELECT v FROM k.t WHERE id = 1").Scan(&v); err != nil || v != "my-data" {
		t.Errorf("read %q, %v", v, err)
	}
	nodetool := exec.CommandContext(t.Context(), "nsenter", "--target", strconv.Itoa(pid), "--mount", "--root", "--wd",
		"--setuid", "999", "--setgid", "999", "/bin/sh", "/opt/cassandra/bin/nodetool", "status")
	nodetool.Env = append(s.config.Env, "JMX_PORT=7190")
	if output, err := nodetool.CombinedOutput(); err != nil || !strings.Contains(string(output), "UN  "+imageAddress) {
		t.Errorf("nodetool says %s, %v", output, err)
	}
}

// unpack writes a tree out as a container runtime would.
func unpack(t *testing.T, files tree, root string) {
	t.Helper()
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	stream, err := files.open()
	if err != nil {
		t.Fatal(err)
	}
	archive := tar.NewReader(stream)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := write(archive, header, filepath.Join(root, header.Name)); err != nil {
			t.Fatal(err)
		}
	}
}

func write(archive io.Reader, header *tar.Header, path string) error {
	mode := os.FileMode(header.Mode).Perm()
	switch header.Typeflag {
	case tar.TypeDir:
		return errors.Join(os.MkdirAll(path, mode), os.Chmod(path, mode), os.Chown(path, header.Uid, header.Gid))
	case tar.TypeSymlink:
		return os.Symlink(header.Linkname, path)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, archive)
	return errors.Join(err, file.Close(), os.Chown(path, header.Uid, header.Gid))
}

// start runs the image's entrypoint until the test ends, and returns its number, where it writes what it says and what is
// closed when it has ended.
func start(t *testing.T, root string, env []string) (pid int, log string, ended <-chan struct{}) {
	t.Helper()
	for _, folder := range []string{"proc", "dev"} {
		if err := os.Mkdir(filepath.Join(root, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	said, err := os.Create(filepath.Join(t.TempDir(), "said"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("unshare", "--mount", "sh", "-c", `set -e
		mount --bind "$0" "$0" # Java looks for the file system of a path among the mounts
		mount --rbind /proc "$0/proc"
		mount --rbind /dev "$0/dev"
		exec chroot "$0" /usr/local/bin/docker-entrypoint.sh cassandra -f`, root)
	cmd.Env = append(env, "PATH="+os.Getenv("PATH"))
	cmd.Env = append(cmd.Env, env[0])
	cmd.Stdout, cmd.Stderr = said, said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = cmd.Wait() // it is killed, or the log tells why it ended
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		<-done
		_ = said.Close()
	})
	return cmd.Process.Pid, said.Name(), done
}

// connect waits until the server answers a client.
func connect(t *testing.T, said string, ended <-chan struct{}) *gocql.Session {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	for {
		cluster := gocql.NewCluster(imageAddress)
		cluster.Timeout, cluster.ConnectTimeout = 10*time.Second, 5*time.Second
		cluster.Logger = gocql.NewLogger(gocql.LogLevelNone)
		session, err := cluster.CreateSession()
		if err == nil {
			return session
		}
		select {
		case <-time.After(time.Second):
			continue
		case <-ended:
		case <-ctx.Done():
		}
		text, _ := os.ReadFile(said)
		t.Fatalf("it does not answer: %v; it said:\n%s", err, text[max(0, len(text)-4000):])
	}
}
