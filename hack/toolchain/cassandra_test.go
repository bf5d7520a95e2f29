// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package toolchain

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestCassandraPins(t *testing.T) {
	jars, err := parseJars(cassandraPins)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]bool{}
	for _, j := range jars {
		if files[j.file()] {
			t.Errorf("%s is listed twice", j.file())
		}
		files[j.file()] = true
	}
	for _, want := range []string{
		"cassandra-all-" + CassandraVersion + ".jar", "netty-transport-native-epoll-4.1.130.Final-linux-x86_64.jar",
		"netty-transport-native-epoll-4.1.130.Final-linux-aarch_64.jar",
	} {
		if !files[want] {
			t.Errorf("%s is not listed", want)
		}
	}
	for _, bad := range []string{"a:b 00", "a:b:1 00", "a:b:1:c:d " + strings.Repeat("0", 64)} {
		if got, err := parseJars(bad); err == nil {
			t.Errorf("%q is taken for %v", bad, got)
		}
	}
}

func TestProjectListsJarsWithoutWhatTheyDependOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pom.xml")
	if err := writeProject(path, []jar{{Group: "g", Artifact: "a", Version: "1"}, {Group: "g", Artifact: "b", Version: "2", Classifier: "linux"}}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Dependencies []struct {
			Artifact   string   `xml:"artifactId"`
			Classifier string   `xml:"classifier"`
			Without    []string `xml:"exclusions>exclusion>artifactId"`
		} `xml:"dependencies>dependency"`
	}
	if err := xml.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Dependencies) != 2 || got.Dependencies[1].Classifier != "linux" || got.Dependencies[0].Classifier != "" {
		t.Fatalf("got %+v", got)
	}
	for _, d := range got.Dependencies {
		if !slices.Equal(d.Without, []string{"*"}) {
			t.Errorf("%s is fetched without %v", d.Artifact, d.Without)
		}
	}
}

func TestJarsThatAreNotThePinnedOnesAreRefused(t *testing.T) {
	sum := sha256.Sum256([]byte("content"))
	jars := []jar{{Artifact: "a", Version: "1", sum: hex.EncodeToString(sum[:])}}
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"as pinned":  {map[string]string{"a-1.jar": "content"}, ""},
		"changed":    {map[string]string{"a-1.jar": "another"}, "is pinned"},
		"missing":    {map[string]string{"b-1.jar": "content"}, "a-1.jar"},
		"additional": {map[string]string{"a-1.jar": "content", "b-1.jar": ""}, "2 files"},
	} {
		dir := t.TempDir()
		for file, content := range c.files {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		err := checkJars(dir, jars)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}
