// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package toolchain

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/template"
)

// CassandraVersion is the release of Apache Cassandra that tests and the local cluster run.
const CassandraVersion = "5.0.9"

// cassandraPackages are what it takes from Debian: Maven fetches the jars, and Java runs them. Cassandra 5.0 runs on
// Java 11 and 17 alone, so that a Debian that has neither will not do.
var cassandraPackages = []string{"maven", "openjdk-17-jre-headless"}

// cassandraPins lists the jars, one a line: group, artifact, version and, where there is one, classifier with colons
// between them, and the SHA-256 of the file. They are the runtime dependencies of cassandra-all, as Maven resolves them,
// without the native libraries of other systems than Linux on amd64 and arm64.
//
//go:embed cassandra.txt
var cassandraPins string

// fetchJars is the goal of Maven that fetches what a project lists. Its version is given, since Maven's own choice is
// another in every release.
const fetchJars = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"

// jar is one pinned file.
type jar struct{ Group, Artifact, Version, Classifier, sum string }

// file is its name, as Maven gives it.
func (j jar) file() string {
	if j.Classifier != "" {
		return j.Artifact + "-" + j.Version + "-" + j.Classifier + ".jar"
	}
	return j.Artifact + "-" + j.Version + ".jar"
}

// Cassandra returns a folder that holds the jars of Apache Cassandra in lib, and in java a link to a Java that runs
// them, and fetches what is missing. The folder is named after version and list, and is moved into its place when all
// jars are in it and are those of the list; there is nothing to check afterwards.
func Cassandra(ctx context.Context, progress io.Writer) (string, error) {
	cache, err := CacheDir()
	if err != nil {
		return "", err
	}
	jars, err := parseJars(cassandraPins)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(cassandraPins))
	dir := filepath.Join(cache, "cassandra", CassandraVersion+"-"+hex.EncodeToString(sum[:])[:12])
	if err := ensurePackages(ctx, progress, cassandraPackages); err != nil {
		return "", err
	}
	release, err := lock(ctx, filepath.Join(cache, "cassandra", "fetch.lock"), func() {})
	if err != nil {
		return "", err
	}
	defer release()
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		err = fetch(ctx, progress, jars, dir)
		if err != nil {
			return "", fmt.Errorf("fetching Cassandra %s: %w", CassandraVersion, err)
		}
	} else if err != nil {
		return "", fmt.Errorf("looking for Cassandra's jars: %w", err)
	}
	java, err := javaHome()
	if err != nil {
		return "", err
	}
	return dir, link(java, filepath.Join(dir, "java"))
}

// parseJars reads a list of pins.
func parseJars(pins string) ([]jar, error) {
	var jars []jar
	for line := range strings.Lines(pins) {
		name, sum, _ := strings.Cut(strings.TrimSpace(line), " ")
		parts := strings.Split(name, ":")
		if len(parts) < 3 || len(parts) > 4 || len(sum) != 2*sha256.Size {
			return nil, fmt.Errorf("the pin %q is not group:artifact:version[:classifier] and a SHA-256", line)
		}
		j := jar{Group: parts[0], Artifact: parts[1], Version: parts[2], sum: sum}
		if len(parts) == 4 {
			j.Classifier = parts[3]
		}
		jars = append(jars, j)
	}
	return jars, nil
}

// fetch has Maven fetch exactly the listed jars into a folder beside the wanted one, checks each, and moves it there.
func fetch(ctx context.Context, progress io.Writer, jars []jar, dir string) (err error) {
	if _, err := fmt.Fprintf(progress, "toolchain: fetching %d jars of Cassandra %s\n", len(jars), CassandraVersion); err != nil {
		return fmt.Errorf("reporting progress: %w", err)
	}
	work, err := os.MkdirTemp(filepath.Dir(dir), workPattern)
	if err != nil {
		return fmt.Errorf("making the work folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	if err := writeProject(filepath.Join(work, "pom.xml"), jars); err != nil {
		return err
	}
	tree := filepath.Join(work, "tree")
	cmd := exec.CommandContext(ctx, "mvn", "--batch-mode", "--quiet", fetchJars, "-DoutputDirectory="+filepath.Join(tree, "lib"))
	cmd.Dir = work
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("running Maven: %w\n%s", err, lastLines(string(output), 20))
	}
	if err := checkJars(filepath.Join(tree, "lib"), jars); err != nil {
		return err
	}
	if err := os.Chmod(tree, 0o755); err != nil {
		return fmt.Errorf("opening the folder of the jars: %w", err)
	}
	if err := os.Rename(tree, dir); err != nil {
		return fmt.Errorf("moving the jars to their place: %w", err)
	}
	return nil
}

// project asks Maven for the listed jars and nothing that these depend on: the list is complete.
var project = template.Must(template.New("pom.xml").Parse(`<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion><groupId>dev.quorate</groupId><artifactId>fetch</artifactId><version>1</version>
<dependencies>{{range .}}
<dependency><groupId>{{.Group}}</groupId><artifactId>{{.Artifact}}</artifactId><version>{{.Version}}</version>
{{- with .Classifier}}<classifier>{{.}}</classifier>{{end -}}
<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions></dependency>{{end}}
</dependencies></project>
`))

func writeProject(path string, jars []jar) error {
	var text strings.Builder
	if err := project.Execute(&text, jars); err != nil {
		return fmt.Errorf("rendering Maven's project: %w", err)
	}
	if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
		return fmt.Errorf("writing Maven's project: %w", err)
	}
	return nil
}

// checkJars finds each listed jar in a folder as it was pinned, and nothing else there.
func checkJars(dir string, jars []jar) error {
	found, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("looking at what Maven fetched: %w", err)
	}
	if len(found) != len(jars) {
		return fmt.Errorf("maven fetched %d files, and %d are listed", len(found), len(jars))
	}
	for _, j := range jars {
		content, err := os.ReadFile(filepath.Join(dir, j.file()))
		if err != nil {
			return fmt.Errorf("reading what Maven fetched: %w", err)
		}
		if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != j.sum {
			return fmt.Errorf("%s has the SHA-256 %x, and %s is pinned", j.file(), sum, j.sum)
		}
	}
	return nil
}

// javaHome returns the folder of Debian's Java 17.
func javaHome() (string, error) {
	found, err := filepath.Glob("/usr/lib/jvm/java-17-openjdk-*/bin/java")
	if err != nil || len(found) == 0 {
		return "", errors.Join(errors.New("no Java 17 under /usr/lib/jvm (Debian's openjdk-17-jre-headless)"), err)
	}
	return filepath.Dir(filepath.Dir(found[0])), nil
}
