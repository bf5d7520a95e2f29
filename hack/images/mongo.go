// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package images

import (
	"context"
	_ "embed"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// mongoUID is user and group of the public image.
const mongoUID = 999

const mongodPath = "github.com/quorate/quorate/test/mongosim/cmd/mongod"

// mongoVersions are the releases that the double stands for, one of each series.
var mongoVersions = []string{"7.0.14", "8.0.4"}

//go:embed rootfs/mongo-entrypoint.sh
var mongoEntrypoint string

// mongoImage has the name, paths, user, port, volumes and default command of the public image of MongoDB, and the
// double of test/mongosim for a server: a label says so. It lacks the shell mongosh and the tools, and what the public
// entrypoint does with MONGO_INITDB variables.
func mongoImage(version string) spec {
	series := version[:strings.LastIndex(version, ".")]
	return spec{
		name:      "mongo-" + series,
		reference: "mongo:" + series,
		config: v1.Config{
			Env:          []string{searchPath, "MONGO_VERSION=" + version, "MONGO_MAJOR=" + series},
			Entrypoint:   []string{"docker-entrypoint.sh"},
			Cmd:          []string{"mongod"},
			ExposedPorts: map[string]struct{}{"27017/tcp": {}},
			Volumes:      map[string]struct{}{"/data/db": {}, "/data/configdb": {}},
			Labels:       map[string]string{"dev.quorate.double": "mongosim stands for MongoDB " + version + " in tests; it is no MongoDB"},
			WorkingDir:   "/",
		},
		files: func(ctx context.Context, _ *builder, scratch string) (tree, error) {
			program, err := buildProgram(ctx, mongodPath, scratch, "main.version="+version)
			if err != nil {
				return nil, err
			}
			files, err := shell(ctx)
			if err != nil {
				return nil, err
			}
			files.addMongo(program)
			return files, nil
		},
	}
}

// addMongo adds the server and what belongs to it to a tree that has a shell.
func (t tree) addMongo(program string) {
	t.program("/usr/bin/mongod", program)
	t.text("/usr/local/bin/docker-entrypoint.sh", mongoEntrypoint, 0o755)
	for _, folder := range []string{"/data/db", "/data/configdb"} {
		t.folder(folder, 0o755, mongoUID, mongoUID)
	}
	t.accounts(account{name: "mongodb", uid: mongoUID, gid: mongoUID})
}
