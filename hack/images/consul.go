// Copyright The Quorate Authors.
// SPDX-License-Identifier: Apache-2.0

package images

import (
	"context"
	_ "embed"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/quorate/quorate/hack/toolchain"
)

// consulUID and consulGID are those of the public image, to which volumes and security contexts are written.
const (
	consulUID = 100
	consulGID = 1000
)

//go:embed rootfs/consul-entrypoint.sh
var consulEntrypoint string

// consulImage stands for the public image of a Consul release: same paths, user, ports, volume and default command.
// It lacks that image's further programs (curl, jq and the like) and the certificates of public authorities.
func consulImage(version string) spec {
	return spec{
		name:      "consul-" + version,
		reference: "hashicorp/consul:" + version,
		config:    consulConfig(version),
		keep:      true,
		files: func(ctx context.Context, b *builder, _ string) (tree, error) {
			tool := "consul@" + version
			paths, err := toolchain.Ensure(ctx, b.progress, tool)
			if err != nil {
				return nil, err
			}
			files, err := shell(ctx)
			if err != nil {
				return nil, err
			}
			files.addConsul(paths[tool])
			return files, nil
		},
	}
}

func consulConfig(version string) v1.Config {
	ports := map[string]struct{}{}
	for _, port := range []string{
		"8300/tcp", "8301/tcp", "8301/udp", "8302/tcp", "8302/udp", "8500/tcp", "8600/tcp", "8600/udp",
	} {
		ports[port] = struct{}{}
	}
	return v1.Config{
		Env:          []string{searchPath, "BIN_NAME=consul", "PRODUCT_NAME=consul", "PRODUCT_VERSION=" + version},
		Entrypoint:   []string{"docker-entrypoint.sh"},
		Cmd:          []string{"agent", "-dev", "-client", "0.0.0.0"},
		ExposedPorts: ports,
		Volumes:      map[string]struct{}{"/consul/data": {}},
		WorkingDir:   "/",
	}
}

// addConsul adds the server and what belongs to it to a tree that has a shell.
func (t tree) addConsul(program string) {
	t.program("/bin/consul", program)
	t.text("/usr/local/bin/docker-entrypoint.sh", consulEntrypoint, 0o755)
	for _, folder := range []string{"/consul", "/consul/data", "/consul/config"} {
		t.folder(folder, 0o755, consulUID, consulGID)
	}
	t.accounts(account{name: "consul", uid: consulUID, gid: consulGID})
}
