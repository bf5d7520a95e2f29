// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package images

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/quorate/quorate/hack/toolchain"
)

// cassandraUID is user and group of the public image.
const cassandraUID = 999

// The folders of the public image.
const (
	cassandraHome = "/opt/cassandra"
	cassandraConf = "/etc/cassandra"
	cassandraData = "/var/lib/cassandra"
	cassandraJava = "/opt/java/openjdk"
)

var (
	//go:embed rootfs/cassandra-entrypoint.sh
	cassandraEntrypoint string
	//go:embed rootfs/cassandra.sh
	cassandraLauncher string
	//go:embed rootfs/nodetool.sh
	cassandraNodetool string
	//go:embed rootfs/cassandra.yaml
	cassandraSettings string
	//go:embed rootfs/cassandra-modules.options
	cassandraModules string
	//go:embed rootfs/cassandra-logback.xml
	cassandraLogging string
)

// cassandraImage stands for the public image of Apache Cassandra: real servers, with its paths, user, ports, volume and
// the variables of its entrypoint that the usual manifests set. Jars are those of Maven Central, Java and the libraries
// that it loads are the distribution's. It lacks cqlsh, which needs Python, the further tools, the comments of the
// distribution's configuration, and the parts of Java that draw and play.
func cassandraImage() spec {
	series := toolchain.CassandraVersion[:strings.LastIndex(toolchain.CassandraVersion, ".")]
	return spec{
		name:      "cassandra-" + series,
		reference: "cassandra:" + series,
		config:    cassandraConfig(),
		keep:      true,
		asked:     true,
		files: func(ctx context.Context, b *builder, _ string) (tree, error) {
			dir, err := toolchain.Cassandra(ctx, b.progress)
			if err != nil {
				return nil, err
			}
			files, err := shell(ctx)
			if err != nil {
				return nil, err
			}
			if err := files.addFolder(cassandraHome+"/lib", filepath.Join(dir, "lib"), nil); err != nil {
				return nil, err
			}
			if err := files.addJava(ctx, filepath.Join(dir, "java")); err != nil {
				return nil, err
			}
			files.addCassandra()
			return files, nil
		},
	}
}

func cassandraConfig() v1.Config {
	ports := map[string]struct{}{}
	for _, port := range []string{"7000/tcp", "7001/tcp", "7199/tcp", "9042/tcp", "9160/tcp"} {
		ports[port] = struct{}{}
	}
	return v1.Config{
		Env: []string{
			strings.Replace(searchPath, "=", "="+cassandraHome+"/bin:"+cassandraJava+"/bin:", 1),
			"JAVA_HOME=" + cassandraJava, "CASSANDRA_HOME=" + cassandraHome, "CASSANDRA_CONF=" + cassandraConf,
			"CASSANDRA_VERSION=" + toolchain.CassandraVersion,
		},
		Entrypoint:   []string{"docker-entrypoint.sh"},
		Cmd:          []string{"cassandra", "-f"},
		ExposedPorts: ports,
		Volumes:      map[string]struct{}{cassandraData: {}},
		WorkingDir:   "/",
	}
}

// addCassandra adds all but jars and Java to a tree that has a shell.
func (t tree) addCassandra() {
	t.text("/usr/local/bin/docker-entrypoint.sh", cassandraEntrypoint, 0o755)
	t.text(cassandraHome+"/bin/cassandra", cassandraLauncher, 0o755)
	t.text(cassandraHome+"/bin/nodetool", cassandraNodetool, 0o755)
	t.folder(cassandraConf, 0o777, cassandraUID, cassandraUID)
	for name, content := range map[string]string{
		"cassandra.yaml": cassandraSettings, "cassandra-rackdc.properties": "dc=dc1\nrack=rack1\n",
		"modules.options": cassandraModules, "logback.xml": cassandraLogging,
	} {
		file := cassandraConf + "/" + name
		t.text(file, content, 0o644)
		n := t[file]
		n.uid, n.gid = cassandraUID, cassandraUID
		t[file] = n
	}
	t.link(cassandraHome+"/conf", cassandraConf)
	for _, folder := range []string{cassandraData, "/var/log/cassandra"} {
		t.folder(folder, 0o777, cassandraUID, cassandraUID)
	}
	t.link(cassandraHome+"/data", cassandraData)
	t.link(cassandraHome+"/logs", "/var/log/cassandra")
	t.accounts(account{name: "cassandra", uid: cassandraUID, gid: cassandraUID})
}

// addFolder adds what a folder of this machine holds: links as what they lead to, and not what skip names by its path
// below the folder. A link that leads nowhere is left out.
func (t tree) addFolder(name, folder string, skip func(path string) bool) error {
	root, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return fmt.Errorf("finding %s: %w", folder, err)
	}
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		below := strings.TrimPrefix(path, root)
		switch {
		case err != nil:
			return err
		case skip != nil && skip(below):
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case entry.IsDir():
			return nil
		}
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("following a link: %w", err)
		}
		if info.Mode().IsRegular() {
			t[name+below] = node{mode: 0o644 | info.Mode().Perm()&0o111, source: path}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("gathering %s: %w", folder, err)
	}
	return nil
}

// javaWithout are the parts of Java that no server needs, by the beginnings of their paths.
var javaWithout = []string{
	"/docs", "/include", "/jmods", "/legal", "/man", "/lib/ct.sym", "/lib/src.zip", "/lib/libatk-", "/lib/libawt", "/lib/libfont",
	"/lib/libjavajpeg", "/lib/libjawt", "/lib/libjsound", "/lib/liblcms", "/lib/libmlib", "/lib/libsplash", "/lib/libj2pcsc",
	"/lib/psfont", "/conf/sound", "/conf/swing", "/conf/accessib", "/bin/jpackage",
}

// loadedLater are libraries that Java and Cassandra's own native parts look for while they run, and of which a program
// does not say beforehand that it needs them.
var loadedLater = []string{
	"libdl.so.2", "libpthread.so.0", "librt.so.1", "libutil.so.1", "libresolv.so.2", "libnss_dns.so.2", "libnss_files.so.2", "libcrypt.so.1",
}

// addJava adds the distribution's Java and every library that it loads.
func (t tree) addJava(ctx context.Context, home string) error {
	err := t.addFolder(cassandraJava, home, func(path string) bool {
		return slices.ContainsFunc(javaWithout, func(prefix string) bool { return strings.HasPrefix(path, prefix) })
	})
	if err != nil {
		return err
	}
	var libc string
	for _, name := range []string{"bin/java", "lib/server/libjvm.so"} {
		output, err := exec.CommandContext(ctx, "ldd", filepath.Join(home, name)).Output()
		if err != nil {
			return fmt.Errorf("listing the libraries of Java: %w", err)
		}
		libraries, err := parseLibraries(string(output))
		if err != nil {
			return err
		}
		for _, library := range libraries {
			if strings.HasPrefix(library, filepath.Dir(home)) || strings.Contains(library, "/jvm/") {
				continue
			}
			if strings.HasPrefix(filepath.Base(library), "libc.so.") {
				libc = library
			}
			t.program(library, library)
		}
	}
	for _, name := range loadedLater {
		library := filepath.Join(filepath.Dir(libc), name)
		if _, err := os.Stat(library); err == nil {
			t.program(library, library)
		}
	}
	return nil
}
